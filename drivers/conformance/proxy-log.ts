/** What a proxy can tell of the requests that it has answered. */
import { strict as assert } from 'node:assert'
import { randomBytes } from 'node:crypto'
import type { AccessLine } from '../../server/domain/access-line.ts'
import { until } from './proxy-apps.ts'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'

export const logPromises: ProxyPromises = {
  'a request can be read of later: which app answered it, who asked for what, and the id that the app was told': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const targets = [(await app('one')).target]
      const [mine, other] = [randomBytes(4).toString('hex'), randomBytes(4).toString('hex')]
      await driver.apply({ hosts: { 'a.test': { app: mine, targets }, 'b.test': { app: other, targets } } })
      const { signal } = new AbortController()
      const read = (id: string, num: number) =>
        Array.fromAsync(driver.accessLog(id, { num, follow: false, signal })) as Promise<AccessLine[]>
      const told: Record<string, string> = {}
      for (const [host, path] of [
        ['a.test', '/headers/1'],
        ['b.test', '/headers/2'],
        ['a.test', '/headers/3'],
      ] as const)
        told[path] = JSON.parse((await get(host, { path: `${path}?key=secret` })).body)['x-request-id']

      await until(async () => (await read(mine, 9)).length === 2)
      // Of one second, lines of different processes of the proxy may come in another order.
      const lines = (await read(mine, 9)).toSorted((one, next) => one.path.localeCompare(next.path))
      assert.deepEqual(
        lines.map(({ host, method, path, status, client, request }) => [host, method, path, status, client, request]),
        ['/headers/1', '/headers/3'].map((path) => ['a.test', 'GET', path, 200, '127.0.0.1', told[path]]),
      )
      for (const { time, bytes, seconds } of lines) {
        assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
        assert.ok(bytes > 0 && seconds >= 0 && seconds < 60)
      }
      assert.equal((await read(mine, 1)).length, 1)
    }),

  'whoever follows the log of an app sees its requests come, until they have seen enough': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const targets = [(await app('one')).target]
      const mine = randomBytes(4).toString('hex')
      await driver.apply({ hosts: { 'a.test': { app: mine, targets }, 'b.test': { app: 'other', targets } } })
      const enough = new AbortController()
      const seen: string[] = []
      const following = (async () => {
        for await (const { path } of driver.accessLog(mine, { num: 9, follow: true, signal: enough.signal })) {
          seen.push(path)
          if (seen.length === 2) enough.abort()
        }
      })()
      for (const [host, path] of [
        ['a.test', '/1'],
        ['b.test', '/x'],
        ['a.test', '/2'],
      ] as const)
        await get(host, { path })
      await following
      assert.deepEqual(seen.toSorted(), ['/1', '/2'])
    }),
}
