/** The `proxy` class on Debian's nginx with its Lua module: routes live in shared memory and change without a reload. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { ProxyDriver, ProxyStatus } from '../../server/devices/classes/proxy.ts'
import type { HostBasics } from '../../server/devices/driver.ts'
import type { RouteTable } from '../../server/domain/route.ts'
import { UserError } from '../../server/errors.ts'
import { readAccessLog } from './access-log.ts'
import { largestTable, type Paths, type Settings } from './config.ts'
import { callControl } from './control.ts'
import { commandOf, dropTable, installFiles, pathsOf, saveTable } from './files.ts'

export function createDriver(host: HostBasics): ProxyDriver {
  const paths = pathsOf(host.folder, host.system)
  const settings = readSettings(host.settings)
  let turn: Promise<unknown> = Promise.resolve()
  return {
    install: async () => ({ changed: await installFiles(paths, settings) }),
    command: () => commandOf(paths),
    // One after another: the last one called is the one that stays, in nginx and in the file.
    apply(table) {
      const mine = turn.then(() => apply(paths, table, host))
      turn = mine.catch(() => {})
      return mine
    },
    inflight: (targets) => inflight(paths, targets),
    status: () => status(paths),
    accessLog: (app, options) => readAccessLog(join(host.folder, 'access.log'), app, options),
  }
}

function readSettings(given: HostBasics['settings']): Settings {
  const { httpPort, httpsPort = null, workers = 'auto', ...unknown } = given
  const extra = Object.keys(unknown)[0]
  if (extra !== undefined) throw new UserError('usage', `The nginx driver has no setting ${extra}.`)
  if (typeof httpPort !== 'number') throw new UserError('usage', 'The nginx driver needs the setting httpPort.')
  if (workers !== 'auto' && typeof workers !== 'number') {
    throw new UserError('usage', `The setting workers is ${workers}; it must be a number or auto.`)
  }
  if (httpsPort !== null && typeof httpsPort !== 'number') {
    throw new UserError('usage', `The setting httpsPort is ${httpsPort}; it must be a number.`)
  }
  return { httpPort, httpsPort, workers }
}

async function apply(paths: Paths, table: RouteTable, host: HostBasics): Promise<string> {
  const hosts = JSON.stringify(table.hosts)
  // Equal tables have equal marks: one that another kernel pushes again is the same.
  const mark = createHash('sha256').update(hosts).digest('hex').slice(0, 16)
  const text = `{"mark":"${mark}","hosts":${hosts}}`
  const size = Buffer.byteLength(text)
  if (size > largestTable) throw tooLarge(`It has ${size} bytes, at most ${largestTable} fit.`)
  const answer = await callControl(paths.socket, '/table', text)
  if (answer.status === 507) throw tooLarge(answer.text)
  if (answer.status !== 200) throw new Error(`nginx refused the table with ${answer.status}: ${answer.text}`)
  try {
    saveTable(paths, text)
  } catch (error) {
    host.log.error('the last table was not saved; a restarted proxy waits for the kernel', error)
    dropTable(paths)
  }
  return mark
}

async function inflight(paths: Paths, targets: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const answer = await callControl(paths.socket, '/inflight', JSON.stringify(targets))
  return JSON.parse(okay(answer)) as Record<string, number>
}

interface NginxStatus {
  readonly hosts: number
  readonly requests: number
  readonly table?: string
}

const notRunning: ProxyStatus = { running: false, hosts: 0, requests: 0, table: null }

async function status(paths: Paths): Promise<ProxyStatus> {
  try {
    const { hosts, requests, table } = JSON.parse(okay(await callControl(paths.socket, '/status'))) as NginxStatus
    return { running: true, hosts, requests, table: table ?? null }
  } catch (error) {
    if (error instanceof UserError && error.code === 'unavailable') return notRunning
    throw error
  }
}

function okay(answer: { status: number; text: string }): string {
  if (answer.status !== 200) throw new Error(`nginx answered its control socket with ${answer.status}: ${answer.text}`)
  return answer.text
}

function tooLarge(detail: string): UserError {
  return new UserError('refused', 'The routing table does not fit into the proxy.', 'Remove domains.', [detail])
}
