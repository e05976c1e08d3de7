/** TLS: which certificate a name is shown, and that a change of one is no event for anybody but new connections. */
import { strict as assert } from 'node:assert'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Host, Parts } from '../../server/domain/route.ts'
import { type Certificate, makeCertificate, openHttp2, openTls, partOf, partsOf } from './proxy-certificates.ts'
import type { ProxyPromises } from './proxy-under-test.ts'
import { inProxy, type ProxyWorld } from './proxy-world.ts'

export const tlsPromises: ProxyPromises = {
  'a name is shown its own certificate, else that of its wildcard; a name without one gets no handshake': (it) =>
    inProxy(it, async ({ app, driver, tlsPort }) => {
      const target = (await app('one')).target
      const [own, wide] = await Promise.all([makeCertificate('a.example.com'), makeCertificate('*.example.com')])
      const route = { app: 'a', targets: [target] }
      const hosts = {
        'a.example.com': { ...route, certificate: own.id },
        '*.example.com': { ...route, certificate: wide.id },
        'b.example.com': route,
      }
      await driver.apply({ hosts }, partsOf(own, wide).parts)
      const shown: [string, Certificate][] = [
        ['a.example.com', own],
        ['A.Example.com', own],
        ['x.example.com', wide],
      ]
      for (const [name, certificate] of shown) (await openTls(tlsPort, name, certificate)).destroy()
      for (const name of ['b.example.com', 'other.test', '']) await assert.rejects(openTls(tlsPort, name, wide))
    }),

  'over TLS, by HTTP/1.1 and by HTTP/2, the app is told so': (it) =>
    secure(it, async ({ tlsPort, certificate, serve }) => {
      await serve({})
      const wanted = { host: 'a.example.com', 'x-forwarded-proto': 'https', 'x-forwarded-port': String(tlsPort) }
      const second = openHttp2(tlsPort, 'a.example.com', certificate)
      assert.partialDeepStrictEqual(JSON.parse((await second.get('a.example.com', '/headers')).body), wanted)
      const posted = await second.send('POST', 'a.example.com', '/length', Buffer.alloc(300_000))
      assert.equal(posted.body, '300000')
      second.close()
      const first = await openTls(tlsPort, 'a.example.com', certificate)
      first.write('GET /headers HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n')
      const [, body = ''] = (await text(first)).split('\r\n\r\n')
      assert.partialDeepStrictEqual(JSON.parse(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)), wanted)
    }),

  'a WebSocket opens over TLS': (it) =>
    secure(it, async ({ tlsPort, certificate, serve }) => {
      await serve({})
      const socket = await openTls(tlsPort, 'a.example.com', certificate)
      socket.write('GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
      assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 101 /)
      socket.write('hello')
      assert.equal(String((await once(socket, 'data'))[0]), 'hello')
      socket.destroy()
    }),

  'a new certificate is shown from the next handshake on, and what is open goes on': (it) =>
    secure(it, async ({ tlsPort, certificate, serve }) => {
      const other = await makeCertificate('a.example.com')
      await serve({})
      const [first, second] = [
        await openTls(tlsPort, 'a.example.com', certificate),
        openHttp2(tlsPort, 'a.example.com', certificate),
      ]
      assert.equal((await second.get('a.example.com')).body, 'one')
      for (let turn = 0; turn < 10; turn++) {
        const now = turn % 2 === 0 ? other : certificate
        await serve({ certificate: now.id }, partsOf(now).parts)
        for (let client = 0; client < 4; client++) (await openTls(tlsPort, 'a.example.com', now)).destroy()
        await assert.rejects(openTls(tlsPort, 'a.example.com', turn % 2 === 0 ? certificate : other))
        first.write('GET / HTTP/1.1\r\nHost: a.example.com\r\n\r\n')
        assert.match(String((await once(first, 'data'))[0]), /^HTTP\/1\.1 200 /)
        assert.equal((await second.get('a.example.com')).body, 'one')
      }
      first.destroy()
      second.close()
    }),

  'a certificate that cannot be used refuses the table, naming its host, and what was there stays': (it) =>
    secure(it, async ({ tlsPort, certificate, serve, get, driver }) => {
      await serve({})
      const other = await makeCertificate('b.example.com')
      const [chain, key] = [certificate.chain, other.text.slice(other.chain.length)]
      const bad = { 'no PEM': 'nonsense', 'no key': chain, 'no chain': key, 'another key': chain + key }
      for (const [kind, content] of Object.entries(bad)) {
        const part = partOf(content)
        const hosts = { 'b.example.com': { app: 'b', targets: [], certificate: part.id } }
        const refused = driver.apply({ hosts }, partsOf(part).parts)
        await assert.rejects(refused, (error: { code: string; detail: string[] }) => {
          assert.equal(error.code, 'refused')
          assert.match(error.detail.join(), /b\.example\.com/, kind)
          return true
        })
      }
      assert.equal((await get('a.example.com')).body, 'one')
      ;(await openTls(tlsPort, 'a.example.com', certificate)).destroy()
    }),

  'a part is asked for when it is new, and forgotten when no table points to it': (it) =>
    secure(it, async ({ certificate, serve, driver }) => {
      const first = partsOf(certificate)
      await driver.apply({ hosts: {} })
      await serve({}, first.parts)
      await serve({ hsts: 'max-age=1' }, first.parts)
      assert.deepEqual(first.asked, [certificate.id])
      await driver.apply({ hosts: {} })
      await serve({}, first.parts)
      assert.deepEqual(first.asked, [certificate.id, certificate.id])
    }),

  'killed, it has its certificates when it is started again, without the kernel': (it) =>
    secure(it, async ({ tlsPort, certificate, serve, kill, start, running }) => {
      await serve({})
      await kill()
      await start()
      await running()
      ;(await openTls(tlsPort, 'a.example.com', certificate)).destroy()
    }),
}

interface Secure extends ProxyWorld {
  readonly certificate: Certificate
  /** `a.example.com` leads to an app that says `one`; it has the certificate unless `more` says otherwise. */
  serve(more: Partial<Host>, parts?: Parts): Promise<string>
}

function secure(it: Parameters<typeof inProxy>[0], play: (world: Secure) => Promise<void>): Promise<void> {
  return inProxy(it, async (world) => {
    const [one, certificate] = await Promise.all([world.app('one'), makeCertificate('a.example.com')])
    const serve: Secure['serve'] = (more, parts = partsOf(certificate).parts) => {
      const host = { app: 'a', targets: [one.target], certificate: certificate.id, ...more }
      return world.driver.apply({ hosts: { 'a.example.com': host } }, parts)
    }
    await play({ ...world, certificate, serve })
  })
}
