/** Everything changes at once under kept connections over TLS, and nobody notices but who is told to come back later. */
import { strict as assert } from 'node:assert'
import { Agent, request } from 'node:https'
import type { Host } from '../../server/domain/route.ts'
import { startApp, until } from './proxy-apps.ts'
import { makeCertificate, openHttp2, partsOf } from './proxy-certificates.ts'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy, type ProxyWorld } from './proxy-world.ts'

const name = 'storm.example.com'
const [http1, http2, rounds] = [32, 8, 20]

export const stormPromises: ProxyPromises = {
  'no request is lost over TLS under 40 connections while domains, certificates, targets and maintenance change': (
    it,
  ) =>
    inProxy(it, async (world) => {
      const { answered, failed } = await storm(world)
      console.log(`storm: ${answered} requests, ${failed.length} failed, ${rounds} rounds`)
      assert.deepEqual(failed, [])
      assert(answered > 500, `only ${answered} requests`)
    }),
}

async function storm({ driver, tlsPort, patience }: ProxyWorld) {
  const certificates = [await makeCertificate(name), await makeCertificate(name)] as const
  const { parts } = partsOf(...certificates)
  let serving = await startApp('ok')
  /** Goes up whenever it is switched on or off: odd while it is on. */
  let maintenance = 0
  const serve = (round: number, more: Partial<Host> = {}) => {
    const certificate = certificates[round % 2]?.id as string
    const host = { app: 'a', targets: [serving.target], certificate, ...more }
    const others = Array.from({ length: round }, (_, number) => [`other-${number}.test`, { app: 'b', targets: [] }])
    return driver.apply({ hosts: { [name]: host, ...Object.fromEntries(others) } }, parts)
  }
  await serve(0)

  let over = false
  const failed: string[] = []
  let answered = 0
  const client = async (ask: () => Promise<string>) => {
    while (!over) {
      const before = maintenance
      const answer = await ask().catch((error: Error) => error.message)
      const closed = answer.startsWith('503') && (before % 2 === 1 || before !== maintenance)
      if (answer !== '200 ok' && !closed) failed.push(answer)
      answered++
    }
  }
  const agent = new Agent({ keepAlive: true, maxSockets: http1, servername: name, rejectUnauthorized: false })
  const chain = certificates.map((certificate) => certificate.chain).join('')
  const streams = Array.from({ length: http2 }, () => openHttp2(tlsPort, name, { chain }))
  const clients = [
    ...Array.from({ length: http1 }, (_, number) => client(() => askKept(agent, tlsPort, number % 3 === 0))),
    ...streams.map(({ get }) => client(async () => get(name).then(({ status, body }) => `${status} ${body}`))),
  ]

  try {
    for (let round = 1; round <= rounds; round++) {
      const old = serving
      serving = await startApp('ok')
      await serve(round)
      await until(async () => (await driver.inflight([old.target]))[old.target] === 0, patience)
      await old.stop()
      if (round % 5 > 0) continue
      maintenance++
      await serve(round, { maintenance: 'standard' })
      await serve(round)
      maintenance++
    }
  } finally {
    over = true
  }
  await Promise.all(clients)
  agent.destroy()
  for (const stream of streams) stream.close()
  await serving.stop()
  return { answered, failed }
}

function askKept(agent: Agent, port: number, posts: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { agent, host: '127.0.0.1', port, method: posts ? 'POST' : 'GET', headers: { host: name } }
    const asked = request(options, (response) => {
      let body = ''
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk
      })
      response.on('end', () => resolve(`${response.statusCode} ${body}`)).on('error', reject)
    })
    asked.on('error', reject).end(posts ? 'a body' : undefined)
  })
}
