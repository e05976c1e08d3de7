/** Requests a second through the proxy, through the same nginx with a plain configuration, and to the app directly. */
import { join } from 'node:path'
import { quickly } from '../test/quickly.ts'
import { example } from '../test/repository.ts'
import type { Lab } from './lab.ts'
import { wrk } from './load.ts'
import { plainNginx } from './plain-nginx.ts'
import type { Row } from './row.ts'

const plainPort = 18081
const host = 'fast.localhost'

/** The app is a page that nginx serves: one that is slower than the proxies would hide what they cost. */
export async function measureProxy(lab: Lab, rounds: number): Promise<Row[]> {
  const before = lab.person.folder
  lab.person.folder = join(before, '..')
  await example(lab.person, 'static', 'fast')
  await lab.person.must('git', 'push', 'megapolos', 'main')
  lab.person.folder = before
  const target = await targetOf(lab, 'fast')
  const nginx = await plainNginx(join(lab.folder, 'nginx'), plainPort, target)
  try {
    const [ours, plain, direct]: [number[], number[], number[]] = [[], [], []]
    for (let round = 0; round < rounds; round++) {
      direct.push(await wrk(`http://${target}/`, host))
      plain.push(await wrk(`http://127.0.0.1:${plainPort}/`, host))
      ours.push(await wrk(`http://127.0.0.1:${lab.system.httpPort}/`, host))
      lab.say(`  direct ${direct.at(-1)}, plain nginx ${plain.at(-1)}, ours ${ours.at(-1)} requests/s`)
    }
    const row = { what: 'HTTP through the proxy', unit: 'requests/s', ours } as const
    return [
      { ...row, floor: { what: 'plain nginx', values: plain }, aim: '≥ 0.9 ×', met: (ratio) => ratio >= 0.9 },
      { ...row, floor: { what: 'the app itself', values: direct }, aim: '', met: null },
    ]
  } finally {
    await nginx.stop()
  }
}

async function targetOf({ person }: Lab, app: string): Promise<string> {
  const id = await person.must(
    'docker',
    'ps',
    '--quiet',
    '--filter',
    'label=megapolos.process=web',
    '--filter',
    `name=${app}`,
  )
  const label = (name: string) => `{{index .Config.Labels "megapolos.${name}"}}`
  return (await quickly('docker', 'inspect', '--format', `${label('address')}:${label('port')}`, id)).trim()
}
