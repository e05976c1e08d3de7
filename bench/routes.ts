/** How long until every request sees a changed route, with a thousand hosts and as many certificates, in an nginx of its own. */
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Lab, timed } from './lab.ts'
import { makeCertificates, ownProxy, tableOf } from './own-proxy.ts'
import type { Row } from './row.ts'

const [httpPort, httpsPort] = [18082, 18084]

export async function measureRoutes({ folder }: Pick<Lab, 'folder'>, hosts: number, runs: number): Promise<Row> {
  const certificates = await makeCertificates(folder)
  const proxy = await ownProxy(folder, httpPort, httpsPort)
  const [left, right] = [answering('left'), answering('right')]
  try {
    await proxy.start()
    const ours: number[] = []
    for (let run = -1; run < runs; run++) {
      const [name, server] = run % 2 ? (['left', left] as const) : (['right', right] as const)
      const table = tableOf(hosts, `127.0.0.1:${(server.address() as AddressInfo).port}`, certificates)
      const milliseconds = (await timed(() => proxy.driver.apply(table, certificates.parts))) * 1000
      const said = await answer()
      if (said !== name) throw new Error(`After the change to ${name} a request was answered by ${said}`)
      if (run >= 0) ours.push(milliseconds)
    }
    return {
      what: `a route changes, ${hosts} domains with certificates`,
      unit: 'ms',
      ours,
      floor: null,
      aim: '≤ 5 ms',
      met: (_, milliseconds) => milliseconds <= 5,
    }
  } finally {
    await proxy.remove()
    for (const server of [left, right]) server.close().closeAllConnections()
  }
}

function answering(text: string) {
  return createServer((_, response) => response.end(text)).listen(0, '127.0.0.1')
}

function answer(): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: '127.0.0.1', port: httpPort, headers: { host: 'host-7.example.com' } }, (response) => {
      response.setEncoding('utf8').on('data', resolve)
    })
    asked.on('error', reject)
  })
}
