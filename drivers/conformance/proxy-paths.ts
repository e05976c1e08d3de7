/** Hosts that several apps share by path; what one of them wants is nothing to the others. */
import { strict as assert } from 'node:assert'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'

export const pathPromises: ProxyPromises = {
  'the longest path wins, up to a slash; the app gets the whole path': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const [root, api, old] = await Promise.all([app('root'), app('api'), app('old')])
      const to = ({ target }: { target: string }) => ({ app: 'a', targets: [target] })
      const paths = { '/api': to(api), '/api/v1': to(old), '/headers': to(api) }
      await driver.apply({ hosts: { 'a.test': { ...to(root), paths } } })
      const leads: Record<string, string> = {
        '/': 'root',
        '/api': 'api',
        '/api/': 'api',
        '/api?x': 'api',
        '/api/v2/x': 'api',
        '/apis': 'root',
        '/x/api': 'root',
        '/api/v1': 'old',
        '/api/v1/x': 'old',
        '/api/v10': 'api',
        '/%61pi/x': 'api',
        '/x/../api': 'api',
        '//api//v1': 'old',
        '/API': 'root',
      }
      for (const [path, body] of Object.entries(leads))
        assert.deepEqual([path, (await get('a.test', { path })).body], [path, body])
    }),

  'a host of paths alone answers 404 elsewhere; a path wins over the redirect of its host': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const paths = { '/api': { app: 'a', targets: [(await app('api')).target] } }
      const none = { app: 'a', targets: [], paths }
      const hosts = {
        'a.test': { ...none, pathsOnly: true },
        'b.test': { ...none, redirect: { to: 'c.test', status: 302 } },
      } as const
      await driver.apply({ hosts })
      assert.equal((await get('a.test', { path: '/api/x' })).body, 'api')
      assert.equal((await get('a.test')).status, 404)
      assert.equal((await get('b.test', { path: '/api/x' })).body, 'api')
      assert.equal((await get('b.test', { path: '/x' })).headers.location, 'http://c.test/x')
    }),

  'what is said of the app at a path is said of no other, and a path is counted and held as its own': (it) =>
    inProxy(it, async ({ driver, app, get, counts, nothingInFlight }) => {
      const [root, api] = await Promise.all([app('root'), app('api')])
      const serve = (more: object) => {
        const paths = { '/wait': { app: 'b', targets: [api.target], ...more } }
        return driver.apply({ hosts: { 'a.test': { app: 'a', targets: [root.target], paths } } })
      }
      await serve({ maintenance: 'standard' })
      assert.deepEqual([(await get('a.test')).body, (await get('a.test', { path: '/wait' })).status], ['root', 503])
      await serve({})
      const waiting = get('a.test', { path: '/wait' })
      await counts(api, 1)
      await nothingInFlight(root.target)
      await api.release()
      assert.equal((await waiting).body, 'api')
      await serve({ targets: [], held: true })
      const held = get('a.test', { path: '/wait/x' })
      assert.equal((await get('a.test')).body, 'root')
      await serve({})
      await counts(api, 1)
      await api.release()
      assert.equal((await held).body, 'api')
    }),
}
