/** The count in flight, however a request or a WebSocket ends: whoever drains a target by it neither waits for ever nor cuts. */
import { strict as assert } from 'node:assert'
import { type App, openSocket, startDeaf } from './proxy-apps.ts'
import { openRaw, type Raw } from './proxy-raw.ts'
import type { ProxyPromises, ProxyUnderTest } from './proxy-under-test.ts'
import { inProxy, type ProxyWorld } from './proxy-world.ts'

const host = 'count.test'
const head = (method: string, path: string, ...lines: string[]) =>
  [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n')

/** What a client sends before it hangs up, and whether the app has begun by then. */
const hangsUp: Readonly<Record<string, readonly [text: string, counted: boolean]>> = {
  'in the middle of its head': ['GET / HTTP/1.1\r\nHo', false],
  'in the middle of a body of known length': [`${head('POST', '/', 'Content-Length: 8')}half`, false],
  'in the middle of a chunk': [`${head('POST', '/', 'Transfer-Encoding: chunked')}8\r\nhalf`, false],
  'between two chunks': [`${head('POST', '/', 'Transfer-Encoding: chunked')}4\r\nhalf\r\n`, false],
  'while it waits for the answer': [head('GET', '/wait'), true],
  'while it waits, with its body sent': [`${head('POST', '/wait', 'Content-Length: 4')}full`, true],
  'in the middle of the answer': [head('GET', '/half'), true],
  'in the middle of events': [head('GET', '/events', 'Accept: text/event-stream'), true],
  'with its next request sent already': [head('GET', '/wait') + head('GET', '/wait'), true],
}

interface Counting extends ProxyWorld {
  /** What the host is led to. */
  readonly one: App
  serve(...targets: readonly string[]): Promise<string>
  /** It stays at nothing: what is counted out late must not make it negative. */
  settled(...targets: readonly string[]): Promise<void>
  raw(text: string): Promise<Raw>
}

export const countPromises: ProxyPromises = {
  'a request that is being answered is in flight, and is not when the client has hung up': (it) =>
    counting(it, async ({ one, get, counts, nothingInFlight }) => {
      const hangUp = new AbortController()
      const asked = get(host, { path: '/wait', signal: hangUp.signal }).catch(() => 'hung up')
      await counts(one, 1)
      hangUp.abort()
      assert.equal(await asked, 'hung up')
      await nothingInFlight(one.target)
    }),

  'a target that died is passed over, for POST too when nothing was sent to it, and the count moves along': (it) =>
    inProxy(it, async ({ app, route, get, inflight, counts, nothingInFlight }) => {
      const [dead, alive] = await Promise.all([app('dead'), app('alive')])
      await dead.stop()
      await route({ 'a.test': [dead.target, alive.target] })
      for (const method of ['GET', 'POST', 'GET', 'POST']) {
        assert.deepEqual([method, (await get('a.test', { method })).body], [method, 'alive'])
      }
      const waiting = [1, 2, 3, 4].map(() => get('a.test', { path: '/wait' }))
      await counts(alive, 4)
      assert.equal(await inflight(dead), 0)
      await alive.release(4)
      await Promise.all(waiting)
      await nothingInFlight(dead.target, alive.target)
    }),

  'an app that breaks off counts no longer: before an answer, in its head, in its body': (it) =>
    counting(it, async ({ get, settled, one }) => {
      assert.equal((await get(host, { path: '/break' })).status, 502)
      for (const path of ['/break', '/break-head', '/break-late']) {
        await get(host, { path }).catch(() => {})
        await settled(one.target)
      }
    }),

  'nothing is in flight after each error page of the proxy itself': (it) =>
    counting(it, async ({ one, app, get, raw, serve, settled }) => {
      const [gone, deaf] = [await app('gone'), await startDeaf()]
      try {
        await gone.stop()
        const status = async (name = host) => (await get(name)).status
        assert.equal(await status('nobody.test'), 404)
        const large = await raw(head('POST', '/', 'Content-Length: 9000000000'))
        assert.match(await large.begun(), / 413 /)
        large.hangUp()
        await serve(gone.target)
        assert.equal(await status(), 502)
        await serve()
        assert.equal(await status(), 503)
        await serve(deaf.target)
        assert.equal(await status(), 504)
        await serve(one.target)
        await settled(one.target, gone.target, deaf.target)
      } finally {
        await deaf.stop()
      }
    }),

  'nothing is in flight after a try that failed at one target and one that did not at the next': (it) =>
    counting(it, async ({ one, app, get, serve, settled }) => {
      for (const path of ['/break', '/']) {
        const broken = await app('broken')
        if (path === '/') await broken.stop()
        await serve(broken.target, one.target)
        for (let turn = 0; turn < 4; turn++) await get(host, { path })
        await serve(one.target)
        await settled(one.target, broken.target)
      }
    }),

  ...Object.fromEntries(
    Object.entries(hangsUp).map(([moment, [text, counted]]) => [
      `nothing is in flight after a client has hung up ${moment}`,
      (it: ProxyUnderTest) =>
        counting(it, async ({ one, raw, counts, settled }) => {
          const client = await raw(text)
          if (counted) await counts(one, 1)
          client.hangUp()
          await settled(one.target)
        }),
    ]),
  ),

  'nothing is in flight after HEAD, an old client without keep-alive, and requests sent in one go': (it) =>
    counting(it, async ({ one, raw, settled }) => {
      const two = head('GET', '/') + head('GET', '/', 'Connection: close')
      const asked: [string, number][] = [
        [head('HEAD', '/', 'Connection: close'), 1],
        [`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`, 1],
        [two, 2],
      ]
      for (const [text, answers] of asked) {
        const said = await (await raw(text)).ended()
        assert.equal(said.split(' 200 OK').length - 1, answers)
        await settled(one.target)
      }
    }),

  'nothing is in flight after a WebSocket was closed by the client, by the app, or never opened': (it) =>
    counting(it, async ({ one, port, counts, settled }) => {
      const closed = await openSocket(port, host)
      await counts(one, 1)
      closed.close()
      await settled(one.target)
      const dropped = await openSocket(port, host)
      await counts(one, 1)
      await dropped.echo('leave').catch(() => {})
      await settled(one.target)
      await assert.rejects(openSocket(port, host, '/refused'), / 403 /)
      await settled(one.target)
    }),

  'only what is open is in flight while many come and go in every way at once': (it) =>
    counting(it, async ({ one, port, raw, counts, settled }) => {
      const ways = Object.values(hangsUp).map(([text]) => text)
      const clients: Promise<Raw>[] = []
      for (let turn = 0; turn < 300; turn++) clients.push(raw(ways[turn % ways.length] as string))
      const stays = await openSocket(port, host)
      for (const client of await Promise.all(clients)) client.hangUp()
      await counts(one, 1)
      assert.equal(await stays.echo('still'), 'still')
      stays.close()
      await settled(one.target)
    }),
}

function counting(it: ProxyUnderTest, play: (world: Counting) => Promise<void>): Promise<void> {
  return inProxy(it, async (world) => {
    const one = await world.app('one')
    const serve = (...targets: readonly string[]) => world.route({ [host]: targets })
    await serve(one.target)
    await play({
      ...world,
      one,
      serve,
      async settled(...targets) {
        await world.nothingInFlight(...targets)
        assert.equal((await world.get(host)).body, one.answer)
        await world.nothingInFlight(...targets)
      },
      raw: (text) => openRaw(world.port, text),
    })
  })
}
