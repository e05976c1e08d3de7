/** Requests a second through the proxy, through the same nginx with a plain configuration, and to the app directly. */
import { join } from 'node:path'
import { fastApp } from './fast-app.ts'
import type { Lab } from './lab.ts'
import { inTurns, wrk } from './load.ts'
import { plainNginx } from './plain-nginx.ts'
import type { Row } from './row.ts'

const plainPort = 18081
const host = 'fast.localhost'

export async function measureProxy(lab: Lab, rounds: number): Promise<Row[]> {
  const target = await fastApp(lab)
  const nginx = await plainNginx(join(lab.folder, 'nginx'), plainPort, target)
  try {
    const [ours = [], plain = [], direct = []] = await inTurns(rounds, [
      () => wrk(`http://127.0.0.1:${lab.system.httpPort}/`, host),
      () => wrk(`http://127.0.0.1:${plainPort}/`, host),
      () => wrk(`http://${target}/`, host),
    ])
    for (const [round, value] of ours.entries()) {
      lab.say(`  direct ${direct[round]}, plain nginx ${plain[round]}, ours ${value} requests/s`)
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
