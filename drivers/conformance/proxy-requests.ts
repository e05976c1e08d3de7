/** One request: who the app is told that it comes from, and that all of it gets through, both ways. */
import { strict as assert } from 'node:assert'
import { Agent } from 'node:http'
import { open, openSocket } from './proxy-apps.ts'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'
import { within } from './within.ts'

export const requestPromises: ProxyPromises = {
  'an error that the app answers itself reaches the client as it is': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const one = await app('its own words')
      await route({ 'a.test': [one.target] })
      for (const status of [404, 413, 500, 502, 503]) {
        const answer = await get('a.test', { path: `/status/${status}` })
        assert.deepEqual([answer.status, answer.body], [status, 'its own words'])
      }
    }),

  'the app is told who asked, under which name and how; a client cannot make it up': (it) =>
    inProxy(it, async ({ app, route, get, port }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      const forged = {
        ...{ 'x-forwarded-for': '6.6.6.6', 'x-forwarded-proto': 'https', 'x-forwarded-port': '6' },
        ...{ forwarded: 'for=6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-forwarded-host': 'b.test' },
        // What frameworks also take for how and where they were asked.
        ...{ 'x-forwarded-scheme': '6.6.6.6', 'x-forwarded-ssl': '6.6.6.6', 'x-forwarded-prefix': '/6.6.6.6' },
      }
      const told = JSON.parse((await get('a.test:99', { path: '/headers', headers: forged })).body)
      assert.partialDeepStrictEqual(told, {
        host: 'a.test:99',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-port': String(port),
      })
      assert.doesNotMatch(JSON.stringify(told), /6\.6\.6\.6|b\.test/)
    }),

  'a request has a name: the one that it came with, or one that no other has': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      const agent = new Agent({ keepAlive: true, maxSockets: 5 })
      const name = async () => JSON.parse((await get('a.test', { path: '/headers', agent })).body)['x-request-id']
      const names = await Promise.all(Array.from({ length: 200 }, name))
      agent.destroy()
      for (const given of names) assert.match(String(given), /^[\w.-]+$/)
      assert.equal(new Set(names).size, 200, 'two requests have one name')
      const named = await get('a.test', { path: '/headers', headers: { 'x-request-id': 'mine-1' } })
      assert.equal(JSON.parse(named.body)['x-request-id'], 'mine-1')
    }),

  'a WebSocket is passed on and is in flight as long as it is open': (it) =>
    inProxy(it, async ({ app, route, port, inflight, nothingInFlight }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      const socket = await openSocket(port, 'a.test')
      assert.equal(await socket.echo('hello'), 'hello')
      assert.equal(await inflight(one), 1)
      // A change of the routes leaves it open.
      await route({ 'a.test': [] })
      assert.equal(await socket.echo('still'), 'still')
      socket.close()
      await nothingInFlight(one.target)
    }),

  'server-sent events arrive when they are sent': (it) =>
    inProxy(it, async ({ app, route, get, patience, nothingInFlight }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      const hangUp = new AbortController()
      const event = get('a.test', {
        path: '/events',
        headers: { accept: 'text/event-stream' },
        signal: hangUp.signal,
        firstChunk: true,
      })
      try {
        assert.equal((await within(patience, 'waiting for an event', event)).body, 'data: 1\n\n')
      } finally {
        hangUp.abort()
      }
      await nothingInFlight(one.target)
    }),

  'a body of 3 MB arrives whole': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      const body = Buffer.alloc(3_000_000, 'x')
      assert.equal((await get('a.test', { method: 'POST', path: '/length', body })).body, '3000000')
    }),

  'on an unbuffered route a body goes through while it comes': (it) =>
    inProxy(it, async ({ app, driver, port, patience, nothingInFlight }) => {
      const one = await app('one')
      await driver.apply({ hosts: { 'stream.test': { app: 'a', targets: [one.target], unbuffered: true } } })
      const { asked, answered } = open(port, 'stream.test', '/length')
      asked.write('first')
      assert.equal(await within(patience, 'waiting for the first piece', one.begun), 'first')
      asked.end('last')
      assert.equal(await answered, '9')
      await nothingInFlight(one.target)
    }),
}
