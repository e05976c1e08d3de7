/** Redeploys under keep-alive load: how many of so many requests fail. */
import { startLoad } from '../test/load.ts'
import type { Lab } from './lab.ts'
import type { Row } from './row.ts'

/** The app `bench` is there already. */
export async function measureRedeploys({ system, person, say }: Lab, requests: number): Promise<Row> {
  const load = startLoad({ port: system.httpPort, host: 'bench.localhost', posts: true, rest: 10 })
  let redeploys = 0
  while (load.report().requests < requests) {
    await person.must('ssh', 'megapolos', 'config:set', 'bench', `ROUND=${redeploys++}`)
    say(`  redeploy ${redeploys}: ${load.report().requests} requests, ${load.report().failures.length} failed`)
  }
  const { requests: asked, failures, slowest } = await load.stop()
  for (const failure of failures.slice(0, 5)) say(`  ${failure}`)
  return {
    what: `failed of ${asked} requests in ${redeploys} redeploys, 40 keep-alive clients`,
    unit: 'failed',
    ours: [failures.length],
    floor: null,
    aim: '0 of 100,000',
    met: (_, failed) => failed === 0,
    note: `slowest ${slowest} ms`,
  }
}
