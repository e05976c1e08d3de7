/** What the proxy counts: it waits for these requests before it lets an old container go. */
import { join } from 'node:path'
import { callControl } from '../drivers/nginx/control.ts'
import type { InSystem } from './in-system.ts'

/** Where containers of web processes are, old and new. */
export async function webAddresses({ person }: InSystem): Promise<string[]> {
  const format = '{{.Label "megapolos.address"}}'
  const said = await person.must('docker', 'ps', '--filter', 'label=megapolos.process=web', '--format', format)
  return said.split('\n').filter((line) => line !== '')
}

/** Of everything that the apps that run can ever have been reached at. A negative count is wrong too, and adds to it. */
export async function inFlight(at: InSystem): Promise<number> {
  const networks = new Set((await webAddresses(at)).map((address) => address.replace(/\.\d+$/, '')))
  const targets = [...networks].flatMap((network) => Array.from({ length: 238 }, (_, n) => `${network}.${n + 2}:5000`))
  const socket = join(at.system.home, 'devices/nginx/run/control.sock')
  const counts = JSON.parse((await callControl(socket, '/inflight', JSON.stringify(targets))).text)
  return Object.values<number>(counts).reduce((sum, count) => sum + Math.abs(count), 0)
}
