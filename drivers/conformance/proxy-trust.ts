/** Proxies before this one: who of them is believed, and what. */
import { strict as assert } from 'node:assert'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'

export const trustPromises: ProxyPromises = {
  'a proxy that is trusted is believed who the client is, and how it asked; what stands before that is not': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const targets = [(await app('one')).target]
      const serve = (...trusted: string[]) => driver.apply({ hosts: { 'a.test': { app: 'a', targets } }, trusted })
      const told = async (forwarded: string, more = {}) => {
        const headers = { 'x-forwarded-for': forwarded, 'x-forwarded-proto': 'https', ...more }
        return JSON.parse((await get('a.test', { path: '/headers', headers })).body)
      }
      await serve('127.0.0.0/8', '10.0.0.0/8', 'fd00::/9', '192.0.2.7')
      const clients: Record<string, string> = {
        '198.51.100.1': '198.51.100.1',
        '6.6.6.6, 198.51.100.1': '198.51.100.1',
        '6.6.6.6, 198.51.100.1, 10.255.0.1': '198.51.100.1',
        '6.6.6.6,198.51.100.1 , 192.0.2.7,fd7f::1': '198.51.100.1',
        '6.6.6.6, 192.0.2.8': '192.0.2.8',
        '6.6.6.6, fd80::1': 'fd80::1',
        '6.6.6.6, nonsense': '127.0.0.1',
        '10.0.0.1': '10.0.0.1',
      }
      for (const [forwarded, client] of Object.entries(clients)) {
        assert.deepEqual([forwarded, (await told(forwarded))['x-forwarded-for']], [forwarded, client])
      }
      const wanted = { 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' }
      assert.partialDeepStrictEqual(await told('198.51.100.1'), wanted)
      assert.equal((await told('198.51.100.1', { 'x-forwarded-proto': 'gopher' }))['x-forwarded-proto'], 'http')
      assert.equal((await told('', { 'x-forwarded-for': 'x,'.repeat(3_000) }))['x-forwarded-for'], '127.0.0.1')
      await serve('10.0.0.0/8')
      const stranger = await told('198.51.100.1')
      assert.deepEqual([stranger['x-forwarded-for'], stranger['x-forwarded-proto']], ['127.0.0.1', 'http'])
    }),

  'behind a proxy that is trusted and was asked over TLS, a host that is secure sends nobody to https again': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const targets = [(await app('one')).target]
      const hosts = { 'a.test': { app: 'a', targets, secure: true, hsts: 'max-age=60' } } as const
      const ask = { headers: { 'x-forwarded-proto': 'https' } }
      await driver.apply({ hosts, trusted: ['127.0.0.1'] })
      const answer = await get('a.test', ask)
      assert.deepEqual([answer.body, answer.headers['strict-transport-security']], ['one', 'max-age=60'])
      assert.equal((await get('a.test')).status, 308)
      await driver.apply({ hosts })
      assert.equal((await get('a.test', ask)).status, 308)
    }),

  'a trusted proxy that is no address refuses the table, and the old one stays': (it) =>
    inProxy(it, async ({ driver, get }) => {
      await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [] } } })
      for (const wrong of ['10.0.0.0/33', 'fd00::/129', 'example.com', '10.0.0', '10.0.0.0/8/8', '']) {
        await assert.rejects(driver.apply({ hosts: {}, trusted: [wrong] }), { code: 'refused' })
      }
      assert.equal((await get('a.test')).status, 503)
    }),
}
