/** The table of hosts: used whole or not at all, and by every request from then on. */
import { strict as assert } from 'node:assert'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'

export const tablePromises: ProxyPromises = {
  'apply is whole: what the new table does not have is gone; and it can be repeated': (it) =>
    inProxy(it, async ({ driver, app, route, get }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target], 'b.test': [one.target] })
      assert.equal((await get('a.test')).body, 'one')
      for (const _ of [1, 2]) {
        await route({ 'b.test': [one.target], 'c.test': [one.target] })
        assert.equal((await get('a.test')).status, 404)
        assert.equal((await get('b.test')).body, 'one')
        assert.equal((await get('c.test')).body, 'one')
      }
      assert.equal((await driver.status()).hosts, 2)
    }),

  'an unknown host is 404, an app without targets 503, one whose targets are dead 502; no page tells a version': (it) =>
    inProxy(it, async ({ app, route, get, nothingInFlight }) => {
      const gone = await app('gone')
      await gone.stop()
      await route({ 'stopped.test': [], 'dead.test': [gone.target] })
      for (const [host, status] of [
        ['nobody.test', 404],
        ['stopped.test', 503],
        ['dead.test', 502],
      ] as const) {
        const answer = await get(host)
        assert.deepEqual([host, answer.status], [host, status])
        assert.match(answer.headers['content-type'] ?? '', /text\/html/)
        assert.match(answer.body, /<p>.+\.<\/p>/)
        assert.doesNotMatch(`${answer.body}${answer.headers.server}`, /\d\.\d/)
      }
      await nothingInFlight(gone.target)
    }),

  'a host that is taken away, or has nothing left, says so from the next request on, wherever it lands': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const one = await app('one')
      const several = (host: string) => Promise.all([1, 2, 3, 4, 5, 6].map(async () => (await get(host)).status))
      for (let round = 0; round < 5; round++) {
        await route({ 'a.test': [one.target], 'b.test': [one.target] })
        assert.deepEqual([await several('a.test'), await several('b.test')].flat(), Array(12).fill(200))
        await route({ 'b.test': [] })
        assert.deepEqual(await several('a.test'), Array(6).fill(404))
        assert.deepEqual(await several('b.test'), Array(6).fill(503))
      }
    }),

  'a wildcard covers any depth below, the most specific one wins, an exact name beats it': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const [wide, narrow, exact] = await Promise.all([app('wide'), app('narrow'), app('exact')])
      await route({
        '*.example.test': [wide.target],
        '*.api.example.test': [narrow.target],
        'www.example.test': [exact.target],
      })
      const answers: Record<string, string> = {}
      for (const host of ['x.example.test', 'y.x.example.test', 'v1.api.example.test', 'www.example.test']) {
        answers[host] = (await get(host)).body
      }
      assert.deepEqual(answers, {
        'x.example.test': 'wide',
        'y.x.example.test': 'wide',
        'v1.api.example.test': 'narrow',
        'www.example.test': 'exact',
      })
      assert.equal((await get('example.test')).status, 404)
      assert.equal((await get('api.example.test')).body, 'wide')
    }),

  'a host is the same with a port, in upper case and with a final dot': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      for (const host of ['a.test:8080', 'A.TEST', 'a.test.', 'A.Test.:81']) {
        assert.deepEqual([host, (await get(host)).body], [host, 'one'])
      }
    }),

  'a table that is too large is refused, and the old one stays': (it) =>
    inProxy(it, async ({ app, route, get }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      const targets = Array.from({ length: 2_000_000 }, (_, index) => `10.0.0.1:${index}`)
      await assert.rejects(route({ 'a.test': targets }), { code: 'refused' })
      assert.equal((await get('a.test')).body, 'one')
    }),
}
