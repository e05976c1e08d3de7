/** Requests a second over TLS, against the same nginx with one static certificate, and with a thousand hosts and certificates. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { fastApp } from './fast-app.ts'
import { type Lab, timed } from './lab.ts'
import { h2load, inTurns, wrk } from './load.ts'
import { makeCertificates, type OwnProxy, ownProxy, tableOf } from './own-proxy.ts'
import { plainNginx } from './plain-nginx.ts'
import type { Row } from './row.ts'

const [httpPort, httpsPort, plainPort] = [18082, 18084, 18085]
const [ours, plain] = [`https://localhost:${httpsPort}/`, `https://localhost:${plainPort}/`]

export async function measureTls(lab: Lab, many: number, rounds: number): Promise<Row[]> {
  const { folder, say } = lab
  const target = await fastApp(lab)
  const certificates = await makeCertificates(folder)
  const floor = await plainNginx(join(folder, 'plain'), plainPort, target, certificates)
  const proxy = await ownProxy(folder, httpPort, httpsPort)
  const apply = (others: number) => proxy.driver.apply(tableOf(others, target, certificates), certificates.parts)
  try {
    await proxy.start()
    const rows: Row[] = []
    for (const [what, load] of [
      ['HTTPS', wrk],
      ['HTTP/2', h2load],
    ] as const) {
      const ask = (url: string) => load(url, 'localhost')
      await apply(0)
      const [one = [], floors = []] = await inTurns(rounds, [() => ask(ours), () => ask(plain)])
      // Apart: a thousand hosts that have just gone are still being cleared away.
      const [few = [], crowd = []] = await inTurns(rounds, [
        () => apply(0).then(() => ask(ours)),
        () => apply(many).then(() => ask(ours)),
      ])
      for (const [round, value] of one.entries()) {
        say(
          `  ${what}: plain ${floors[round]}, ours ${value}; with ${many} hosts ${crowd[round]}, with one ${few[round]} requests/s`,
        )
      }
      const aim = { aim: '≥ 0.9 ×', met: (ratio: number) => ratio >= 0.9, unit: 'requests/s' } as const
      rows.push({ what, ours: one, floor: { what: 'plain nginx', values: floors }, ...aim })
      rows.push({
        what: `${what}, ${many} hosts`,
        ours: crowd,
        floor: { what: 'one host', values: few },
        ...aim,
      })
    }
    await apply(many)
    const starts: number[] = []
    for (let round = 0; round < 5; round++) {
      await proxy.kill()
      starts.push(await timed(() => started(proxy, many)))
    }
    const aim = { floor: null, aim: '≤ 3 s', met: (_: number, seconds: number) => seconds <= 3 } as const
    rows.push({ what: `the proxy starts, ${many} certificates`, unit: 's', ours: starts, ...aim })
    return rows
  } finally {
    await proxy.remove()
    await floor.stop()
  }
}

/** The old workers may answer for a moment; what counts is that the new ones have the table. */
async function started({ start, driver }: OwnProxy, hosts: number): Promise<void> {
  await start()
  while ((await driver.status()).hosts <= hosts) await pause(5)
}
