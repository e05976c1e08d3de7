/** How long until every request sees a changed route, with a thousand hosts, in an nginx of its own. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createDriver } from '../drivers/nginx/index.ts'
import type { RouteTable } from '../server/domain/route.ts'
import { createLog } from '../server/log.ts'
import { type Lab, timed, untilListening } from './lab.ts'
import type { Row } from './row.ts'

const httpPort = 18082

export async function measureRoutes(lab: Lab, hosts: number, runs: number): Promise<Row> {
  const log = createLog(() => {})
  const driver = createDriver({ folder: join(lab.folder, 'proxy'), system: 'bench', settings: { httpPort }, log })
  await driver.install()
  const [program = '', ...words] = driver.command()
  const nginx = spawn(program, words, { stdio: 'ignore' })
  const [left, right] = [answering('left'), answering('right')]
  try {
    await untilListening(httpPort)
    const ours: number[] = []
    for (let run = -1; run < runs; run++) {
      const [name, server] = run % 2 ? (['left', left] as const) : (['right', right] as const)
      const table = tableOf(hosts, `127.0.0.1:${(server.address() as AddressInfo).port}`)
      const milliseconds = (await timed(() => driver.apply(table))) * 1000
      const said = await answer()
      if (said !== name) throw new Error(`After the change to ${name} a request was answered by ${said}`)
      if (run >= 0) ours.push(milliseconds)
    }
    return {
      what: `a route changes, ${hosts} domains`,
      unit: 'ms',
      ours,
      floor: null,
      aim: '≤ 5 ms',
      met: (_, milliseconds) => milliseconds <= 5,
    }
  } finally {
    nginx.kill('SIGTERM')
    await once(nginx, 'exit')
    for (const folder of ['/run/megapolos-bench', '/var/lib/nginx/megapolos-bench'])
      await rm(folder, { recursive: true })
    for (const server of [left, right]) server.close().closeAllConnections()
  }
}

function tableOf(hosts: number, target: string): RouteTable {
  const names = Array.from({ length: hosts }, (_, number) => `host-${number}.example.com`)
  return { hosts: Object.fromEntries(names.map((name) => [name, { app: 'bench', targets: [target] }])) }
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
