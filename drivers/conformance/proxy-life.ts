/** A proxy comes and goes, and what it routes stays. */
import { strict as assert } from 'node:assert'
import { until } from './proxy-apps.ts'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'

/** Of one that nobody has given a table yet: there is no way back to that. */
export const newPromises: ProxyPromises = {
  'before the first table every host is told to come back': (it) =>
    inProxy(it, async ({ get }) => {
      const answer = await get('blog.test')
      assert.equal(answer.status, 503)
      assert(answer.headers['retry-after'] !== undefined, 'it does not say when to come back')
    }),
}

export const lifePromises: ProxyPromises = {
  'installing again changes nothing': async ({ driver }) => {
    assert.deepEqual(await driver.install(), { changed: false })
  },

  'apply gives a table a mark, and status says which one is in use': (it) =>
    inProxy(it, async ({ driver, route, kill, start, running }) => {
      const first = await route({ 'a.test': [] })
      const second = await route({ 'b.test': [] })
      assert.notEqual(second, first)
      assert.equal((await driver.status()).table, second)
      await kill()
      assert.equal((await driver.status()).table, null)
      await start()
      await running()
      assert.equal((await driver.status()).table, second)
    }),

  'killed, it serves the last table within 2 s of its next start, without the kernel': (it) =>
    inProxy(it, async ({ driver, app, route, get, kill, start, patience, nothingInFlight }) => {
      const one = await app('one')
      await route({ 'a.test': [one.target] })
      await kill()
      assert.equal((await driver.status()).running, false)
      await assert.rejects(route({}), { code: 'unavailable' })
      await start()
      const begin = performance.now()
      await until(async () => (await get('a.test').catch(() => ({ body: '' }))).body === 'one', patience)
      const time = performance.now() - begin
      assert(time < 2_000, `it took ${time.toFixed(0)} ms`)
      await nothingInFlight(one.target)
    }),
}
