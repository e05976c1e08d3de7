/** How large and how slow: limits of one app, however a body is sent. */
import { strict as assert } from 'node:assert'
import type { Route } from '../../server/domain/route.ts'
import type { App } from './proxy-apps.ts'
import { makeCertificate, openHttp2, partsOf } from './proxy-certificates.ts'
import { openRaw } from './proxy-raw.ts'
import type { ProxyPromises, ProxyUnderTest } from './proxy-under-test.ts'
import { aMoment, inProxy, type ProxyWorld } from './proxy-world.ts'
import { within } from './within.ts'

const limit = 300_000
const chunked = { 'transfer-encoding': 'chunked' }
const fits = Buffer.alloc(limit, 'x')
const tooLarge = Buffer.alloc(limit + 1, 'x')

export const limitPromises: ProxyPromises = {
  'a body may be as large as its app says and not a byte larger: of known length, in chunks, with events': (it) =>
    limited(it, { largestBody: limit }, async ({ get, nothingInFlight, one }) => {
      for (const headers of [{}, chunked, { ...chunked, accept: 'text/event-stream' }]) {
        const post = (body: Buffer) => get('a.test', { method: 'POST', path: '/length', headers, body })
        assert.equal((await post(fits)).body, String(limit))
        assert.equal((await post(tooLarge)).status, 413)
        const huge = await post(Buffer.alloc(3_000_000)).catch(({ code }: { code: string }) => ({ status: code }))
        assert([413, 'EPIPE', 'ECONNRESET'].includes(huge.status), `a huge one was answered with ${huge.status}`)
      }
      assert.equal((await get('b.test', { method: 'POST', path: '/length', body: tooLarge })).body, String(limit + 1))
      await nothingInFlight(one.target)
    }),

  'a body over HTTP/2 that does not say how long it is may be as large as its app says': (it) =>
    limited(it, { largestBody: limit }, async ({ driver, one, tlsPort }) => {
      const certificate = await makeCertificate('a.example.com')
      const host = { app: 'a', targets: [one.target], certificate: certificate.id, largestBody: limit }
      await driver.apply({ hosts: { 'a.example.com': host } }, partsOf(certificate).parts)
      const client = openHttp2(tlsPort, 'a.example.com', certificate)
      for (const method of ['POST', 'GET']) {
        assert.equal((await client.send(method, 'a.example.com', '/length', fits)).body, String(limit))
        assert.equal((await client.send(method, 'a.example.com', '/length', tooLarge)).status, 413)
      }
      client.close()
    }),

  'more than a gigabyte is let in where the app says so, and refused at once where it does not': (it) =>
    limited(it, { largestBody: 5_000_000_000 }, async ({ port, patience }) => {
      for (const [host, length, said] of [
        ['a.test', 4_999_999_999, 'nothing'],
        ['a.test', 5_000_000_001, 'HTTP/1.1 413'],
        ['b.test', 1_073_741_825, 'HTTP/1.1 413'],
        ['b.test', 1_073_741_824, 'nothing'],
        ['nobody.test', 1_073_741_824, 'HTTP/1.1 404'],
      ] as const) {
        const client = await openRaw(port, `POST / HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n`)
        const answer = await (said === 'nothing'
          ? Promise.race([client.begun(), aMoment().then(() => said)])
          : within(patience, `what is said of ${length} bytes`, client.begun()))
        assert.deepEqual([host, length, answer.slice(0, 12)], [host, length, said])
        client.hangUp()
      }
    }),

  'an app may stay silent as long as it says': (it) =>
    limited(it, { timeout: 1 }, async ({ get, counts, one }) => {
      const begin = performance.now()
      assert.equal((await get('a.test', { path: '/wait' })).status, 504)
      const time = performance.now() - begin
      assert(time > 900 && time < 5_000, `it took ${time.toFixed(0)} ms`)
      const patient = get('b.test', { path: '/wait' })
      await counts(one, 1)
      await one.release()
      assert.equal((await patient).body, 'one')
    }),
}

/** `a.test` is an app with these limits, `b.test` the same without. */
function limited(
  it: ProxyUnderTest,
  limits: Partial<Route>,
  play: (world: ProxyWorld & { readonly one: App }) => Promise<void>,
): Promise<void> {
  return inProxy(it, async (world) => {
    const one = await world.app('one')
    const free = { app: 'b', targets: [one.target] }
    await world.driver.apply({ hosts: { 'a.test': { ...free, app: 'a', ...limits }, 'b.test': free } })
    await play({ ...world, one })
  })
}
