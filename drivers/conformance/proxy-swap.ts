/** Many clients on kept connections ask while the app behind the host is exchanged again and again. */
import { Agent, request } from 'node:http'
import type { ProxyDriver } from '../../server/devices/classes/proxy.ts'
import { startApp, until } from './proxy-apps.ts'

const connections = 40

export interface SwapResult {
  readonly requests: number
  readonly swaps: number
  /** What each lost request saw. */
  readonly failed: readonly string[]
}

export async function swapWhileAsked(
  port: number,
  driver: ProxyDriver,
  duration: number,
  order: 'start first' | 'stop first' = 'start first',
): Promise<SwapResult> {
  const hold = () => driver.apply({ hosts: { 'swap.test': { app: 'a', targets: [], held: true } } })
  const route = (target: string) => driver.apply({ hosts: { 'swap.test': { app: 'a', targets: [target] } } })
  let serving = await startApp('ok')
  await route(serving.target)

  const end = Date.now() + duration
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const failed: string[] = []
  let requests = 0
  const client = async (number: number) => {
    for (let turn = number; Date.now() < end; turn++) {
      const answer = await askKept(agent, port, turn % 3 === 0 ? 'POST' : 'GET')
      requests += 1
      if (answer !== '200 ok') failed.push(answer)
    }
  }
  const clients = Promise.all(Array.from({ length: connections }, (_, number) => client(number)))

  let swaps = 0
  while (Date.now() < end) {
    const old = serving
    const stopOld = async () => {
      await until(async () => (await driver.inflight([old.target]))[old.target] === 0)
      await old.stop()
    }
    if (order === 'stop first') await hold().then(stopOld)
    serving = await startApp('ok')
    await route(serving.target)
    if (order === 'start first') await stopOld()
    swaps += 1
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  await clients
  agent.destroy()
  await serving.stop()
  return { requests, swaps, failed }
}

function askKept(agent: Agent, port: number, method: string): Promise<string> {
  return new Promise((resolve) => {
    const options = { agent, host: '127.0.0.1', port, method, path: '/', headers: { host: 'swap.test' } }
    const asked = request(options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(`${response.statusCode} ${body}`))
      response.on('error', (error) => resolve(error.message))
    })
    asked.on('error', (error) => resolve(error.message))
    asked.end(method === 'POST' ? 'a body' : undefined)
  })
}
