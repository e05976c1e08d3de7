/** Requests a second over TLS, against the same nginx with one static certificate, and with a thousand hosts and certificates. */
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Lab, timed } from './lab.ts'
import { h2load, wrk } from './load.ts'
import { makeCertificates, type OwnProxy, ownProxy, tableOf } from './own-proxy.ts'
import { pageNginx, plainNginx } from './plain-nginx.ts'
import type { Row } from './row.ts'

const [httpPort, httpsPort, plainPort, appPort] = [18082, 18084, 18085, 18086]
const [ours, plain] = [`https://localhost:${httpsPort}/`, `https://localhost:${plainPort}/`]

export async function measureTls(
  { folder, say }: Pick<Lab, 'folder' | 'say'>,
  many: number,
  rounds: number,
): Promise<Row[]> {
  const target = `127.0.0.1:${appPort}`
  const certificates = await makeCertificates(folder)
  const app = await pageNginx(join(folder, 'page'), appPort)
  const floor = await plainNginx(join(folder, 'plain'), plainPort, target, certificates)
  const proxy = await ownProxy(folder, httpPort, httpsPort)
  const apply = (others: number) => proxy.driver.apply(tableOf(others, target, certificates), certificates.parts)
  try {
    await proxy.start()
    await apply(0)
    const rows: Row[] = []
    for (const [what, ask] of [
      ['HTTPS', (url: string) => wrk(url, 'localhost')],
      ['HTTP/2', h2load],
    ] as const) {
      const values: [number[], number[], number[]] = [[], [], []]
      for (let round = 0; round < rounds; round++) {
        await apply(0)
        values[0].push(await ask(plain))
        values[1].push(await ask(ours))
        await apply(many)
        values[2].push(await ask(ours))
        say(
          `  ${what}: plain ${values[0].at(-1)}, ours ${values[1].at(-1)}, with ${many} hosts ${values[2].at(-1)} requests/s`,
        )
      }
      const aim = { aim: '≥ 0.9 ×', met: (ratio: number) => ratio >= 0.9, unit: 'requests/s' } as const
      rows.push({ what, ours: values[1], floor: { what: 'plain nginx', values: values[0] }, ...aim })
      rows.push({
        what: `${what}, ${many} hosts`,
        ours: values[2],
        floor: { what: 'one host', values: values[1] },
        ...aim,
      })
    }
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
    await app.stop()
  }
}

/** The old workers may answer for a moment; what counts is that the new ones have the table. */
async function started({ start, driver }: OwnProxy, hosts: number): Promise<void> {
  await start()
  while ((await driver.status()).hosts <= hosts) await pause(5)
}
