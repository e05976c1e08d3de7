/** How long until a running app sees a volume: the whole command, as a program at the kernel's socket gives it. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { quickly } from '../test/quickly.ts'
import { type Lab, timed } from './lab.ts'
import type { Row } from './row.ts'

/** Takes the app `bench`, which `push` has made. */
export async function measureVolumes(lab: Lab, runs: number): Promise<Row> {
  const { system } = lab
  const [id = ''] = (await lab.person.must('docker', 'ps', '--quiet', '--filter', 'label=megapolos.process=web')).split(
    '\n',
  )
  const pid = (await quickly('docker', 'inspect', '--format', '{{.State.Pid}}', id)).trim()
  const [source, target] = [join(lab.folder, 'source'), join(lab.folder, 'target')]
  for (const folder of [source, target]) await mkdir(folder, { recursive: true })
  await ask(system.home, 'volumes:create bench-volume')
  const { directory } = JSON.parse(await ask(system.home, 'volumes:info bench-volume --format json'))
  await writeFile(join(directory, 'mark'), '')
  const ours: number[] = []
  const floor: number[] = []
  for (let run = -1; run < runs; run++) {
    const attached = await timed(() => ask(system.home, 'volumes:attach bench bench-volume'))
    if (!existsSync(`/proc/${pid}/root/megapolos/bench-volume/mark`)) throw new Error('the app does not see the volume')
    await ask(system.home, 'volumes:detach bench bench-volume')
    const mounted = await timed(() => quickly('mount', '--bind', source, target))
    await quickly('umount', target)
    if (run < 0) continue
    ours.push(attached * 1000)
    floor.push(mounted * 1000)
  }
  await ask(system.home, 'volumes:destroy bench-volume --confirm bench-volume')
  return {
    what: 'a running app sees a volume',
    unit: 'ms',
    ours,
    floor: { what: 'mount(8)', values: floor },
    aim: '≤ 3 ×',
    met: (ratio) => ratio <= 3,
  }
}

const agent = new Agent({ keepAlive: true })

function ask(home: string, line: string): Promise<string> {
  const headers = { 'megapolos-key': '--console', 'megapolos-form': 'line' }
  const options = { socketPath: join(home, 'run/kernel.sock'), path: '/command', method: 'POST', headers, agent }
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => {
        if (response.trailers['megapolos-exit'] === '0') resolve(text)
        else reject(new Error(`${line}: ${response.trailers['megapolos-error']}`))
      })
    })
    asked.on('error', reject).end(line)
  })
}
