/** What a host or an app wants to happen before requests reach the app, and what wins when it wants several things. */
import { strict as assert } from 'node:assert'
import { type Answer, type Ask, openSocket } from './proxy-apps.ts'
import { makeCertificate, openHttp2, partOf, partsOf } from './proxy-certificates.ts'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy } from './proxy-world.ts'

/** `openssl passwd -6`: the password is `right`. */
const users = {
  ada: '$6$saltsalt$gzY3OAolfMFSB9Ld7iMdOQlViFqO3IOPeU0zkHsD.58tcMxRAFD0Qjfi2sjus3i.8aqWarEvFPREqzp18Jm291',
}
const login = (user: string, password: string): Ask => ({
  headers: { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` },
})
const challenge: Ask = { path: '/.well-known/acme-challenge/token-1' }
const to = ({ status, headers }: Answer) => `${status} ${headers.location}`

export const gatePromises: ProxyPromises = {
  'an answer to a challenge wins over everything, on hosts that nobody knows too; other names there are the app’s': (
    it,
  ) =>
    inProxy(it, async ({ driver, app, get }) => {
      const one = { app: 'a', targets: [(await app('one')).target] }
      const redirect = { to: 'b.test', status: 301 } as const
      const hosts = {
        'a.test': one,
        'all.test': { ...one, secure: true, redirect, maintenance: 'standard', users } as const,
        'gone.test': { app: 'a', targets: [] },
      }
      await driver.apply({ hosts, challenges: { 'token-1': 'proof' } })
      for (const host of ['a.test', 'all.test', 'gone.test', 'nobody.test']) {
        const answer = await get(host, challenge)
        assert.deepEqual([host, answer.status, answer.body], [host, 200, 'proof'])
      }
      assert.equal((await get('a.test', { path: `${challenge.path}-2` })).body, 'one')
      assert.equal((await get('nobody.test', { path: `${challenge.path}-2` })).status, 404)
      await driver.apply({ hosts })
      assert.equal((await get('a.test', challenge)).body, 'one')
      assert.equal(to(await get('all.test', challenge)), '301 http://b.test/.well-known/acme-challenge/token-1')
    }),

  'a host that is secure sends plain requests to https, path, query and method kept, and serves over TLS': (it) =>
    inProxy(it, async ({ driver, app, get, tlsPort }) => {
      const certificate = await makeCertificate('a.example.com')
      const one = { app: 'a', targets: [(await app('one')).target], certificate: certificate.id }
      const serve = (more: object) =>
        driver.apply({ hosts: { 'a.example.com': { ...one, ...more } } }, partsOf(certificate).parts)
      await serve({ secure: true, hsts: 'max-age=60' })
      const answer = await get('a.example.com:99', { method: 'POST', path: '/x%2Fy?a=b%20c&d' })
      assert.equal(to(answer), `308 https://a.example.com:${tlsPort}/x%2Fy?a=b%20c&d`)
      assert.equal(answer.headers['strict-transport-security'], undefined, 'said over plain HTTP')
      const client = openHttp2(tlsPort, 'a.example.com', certificate)
      const over = await client.get('a.example.com')
      assert.deepEqual([over.body, over.headers['strict-transport-security']], ['one', 'max-age=60'])
      await serve({})
      assert.equal((await client.get('a.example.com')).headers['strict-transport-security'], undefined)
      assert.equal((await get('a.example.com')).body, 'one')
      client.close()
    }),

  'a redirect sends everything to the other host, path, query and port kept, and over TLS when that one is secure': (
    it,
  ) =>
    inProxy(it, async ({ driver, get, tlsPort }) => {
      for (const status of [301, 302, 307, 308] as const) {
        const hosts = {
          'old.test': { app: 'a', targets: [], redirect: { to: 'new.test', status } },
          'plain.test': { app: 'a', targets: [], redirect: { to: 'secure.test', status } },
          'secure.test': { app: 'a', targets: [], secure: true },
        } as const
        await driver.apply({ hosts })
        assert.equal(to(await get('old.test', { path: '/a/b?c=d' })), `${status} http://new.test/a/b?c=d`)
        assert.equal(to(await get('old.test:81')), `${status} http://new.test:81/`)
        assert.equal(to(await get('plain.test')), `${status} https://secure.test:${tlsPort}/`)
      }
    }),

  'a redirect over TLS leads to where there is an answer: in plain to a host without a certificate': (it) =>
    inProxy(it, async ({ driver, port, tlsPort }) => {
      const certificate = await makeCertificate('old.example.com')
      const old = (host: string) =>
        ({ app: 'a', targets: [], certificate: certificate.id, redirect: { to: host, status: 301 } }) as const
      const bare = { app: 'a', targets: [] }
      for (const [host, place] of [
        ['bare.example.com', `http://bare.example.com:${port}/x`],
        ['elsewhere.example.org', `https://elsewhere.example.org:${tlsPort}/x`],
      ] as const) {
        const hosts = { 'old.example.com': old(host), 'bare.example.com': bare }
        await driver.apply({ hosts }, partsOf(certificate).parts)
        const client = openHttp2(tlsPort, 'old.example.com', certificate)
        const answer = await client.get(`old.example.com:${tlsPort}`, '/x')
        assert.equal(`${answer.status} ${answer.headers.location}`, `301 ${place}`)
        client.close()
      }
    }),

  'an app in maintenance shows its page with 503, asks to come back, and is there again at once': (it) =>
    inProxy(it, async ({ driver, app, get, port }) => {
      const one = await app('one')
      const page = partOf('<p>Back at noon.</p>')
      const serve = (more: object) =>
        driver.apply({ hosts: { 'a.test': { app: 'a', targets: [one.target], ...more } } }, partsOf(page).parts)
      const shows: readonly (readonly [string, RegExp])[] = [
        [page.id, /^<p>Back at noon.<\/p>$/],
        ['standard', /<p>.+<\/p>/],
      ]
      for (const [maintenance, shown] of shows) {
        await serve({ maintenance })
        for (const path of ['/', '/x', '/y.css']) {
          const answer = await get('a.test', { method: path === '/x' ? 'POST' : 'GET', path })
          assert.equal(answer.status, 503)
          assert.match(answer.body, shown)
          assert(Number(answer.headers['retry-after']) > 0)
          assert.match(answer.headers['content-type'] ?? '', /text\/html/)
        }
        await assert.rejects(openSocket(port, 'a.test'), / 503 /)
        await serve({})
        const answers = await Promise.all([1, 2, 3, 4, 5, 6].map(() => get('a.test')))
        assert.deepEqual(new Set(answers.map(({ body }) => body)), new Set(['one']))
      }
    }),

  'an app with users answers to those who know a password, and at once when it has been given before': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const one = await app('one')
      await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [one.target], users } } })
      const stranger = await get('a.test')
      assert.equal(stranger.status, 401)
      assert.match(stranger.headers['www-authenticate'] ?? '', /^Basic realm=/)
      const wrong = [login('ada', 'wrong'), login('bob', 'right'), login('', ''), login('ada', 'right\0')]
      const odd = ['Basic', 'Basic !!!', 'Bearer x', `Basic ${'A'.repeat(4000)}`]
      for (const ask of [...wrong, ...odd.map((authorization) => ({ headers: { authorization } }))]) {
        assert.equal((await get('a.test', ask)).status, 401)
      }
      for (let turn = 0; turn < 100; turn++) assert.equal((await get('a.test', login('ada', 'right'))).body, 'one')
      await driver.apply({ hosts: { 'a.test': { app: 'a', targets: [one.target], users: { bob: users.ada } } } })
      assert.equal((await get('a.test', login('ada', 'right'))).status, 401)
      assert.equal((await get('a.test', login('bob', 'right'))).body, 'one')
    }),

  'who guesses passwords of one app is told to slow down, and those of others log in meanwhile': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const targets = [(await app('one')).target]
      await driver.apply({ hosts: { 'a.test': { app: 'a', targets, users }, 'b.test': { app: 'b', targets, users } } })
      const guesses = Array.from({ length: 200 }, (_, guess) => get('a.test', login('ada', `guess-${guess}`)))
      assert.equal((await get('b.test', login('ada', 'right'))).body, 'one')
      const statuses = new Set((await Promise.all(guesses)).map(({ status }) => status))
      assert.deepEqual(statuses, new Set([401, 429]))
    }),

  'a password that is longer than any is not tried: it would take the time of all others': (it) =>
    inProxy(it, async ({ driver, app, get }) => {
      const targets = [(await app('one')).target]
      await driver.apply({ hosts: { 'a.test': { app: 'a', targets, users } } })
      const guesses = Array.from({ length: 200 }, (_, guess) =>
        get('a.test', login('ada', `${guess}`.padEnd(500, 'x'))),
      )
      const statuses = new Set((await Promise.all(guesses)).map(({ status }) => status))
      assert.deepEqual(statuses, new Set([401]))
    }),

  'to https comes before maintenance, maintenance before the password, the password before an app that does not run': (
    it,
  ) =>
    inProxy(it, async ({ driver, get }) => {
      const off = { app: 'a', targets: [] }
      const status = async (more: object) => {
        await driver.apply({ hosts: { 'a.test': { ...off, ...more } } })
        return (await get('a.test')).status
      }
      const maintenance = 'standard'
      assert.equal(await status({ secure: true, maintenance, users }), 308)
      assert.equal(await status({ maintenance, users }), 503)
      assert.equal(await status({ users }), 401)
      assert.equal(await status({}), 503)
    }),
}
