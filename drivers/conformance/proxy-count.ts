/** The count in flight, however a request or a WebSocket ends: whoever drains a target by it neither waits for ever nor cuts. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { ProxyUnderTest } from './proxy.ts'
import { type App, ask, openSocket, startApp, startDeaf, until } from './proxy-apps.ts'
import { openRaw, type Raw } from './proxy-raw.ts'

const host = 'count.test'
const head = (method: string, path: string, ...lines: string[]) =>
  [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...lines, '', ''].join('\r\n')

/** Runs inside the suite of the proxy, on one that is started. */
export function countsExactly(under: () => ProxyUnderTest, started: (app: App) => App): void {
  describe('the count in flight', () => {
    let one: App
    const serve = (...targets: string[]) => under().driver.apply({ hosts: { [host]: { app: 'a', targets } } })
    const count = async (target: string) => (await under().driver.inflight([target]))[target]
    const untilCount = (wanted: number, target = one.target) => until(async () => (await count(target)) === wanted)
    /** It stays there: what is counted out late must not make it negative. */
    const settled = async (...targets: string[]) => {
      for (const target of targets) await untilCount(0, target)
      expect((await ask(under().port, host, {})).body).toBe(one.answer)
      for (const target of targets) await untilCount(0, target)
    }
    const raw = (text: string) => openRaw(under().port, text)

    beforeEach(async () => {
      one = started(await startApp('one'))
      await serve(one.target)
    })

    test('after each error page of the proxy itself', { timeout: 20_000 }, async () => {
      const [gone, deaf] = [await startApp('gone'), await startDeaf()]
      await gone.stop()
      const status = async (name = host) => (await ask(under().port, name, {})).status
      expect(await status('nobody.test')).toBe(404)
      const large = await raw(head('POST', '/', 'Content-Length: 9000000000'))
      expect(await large.begun()).toContain(' 413 ')
      large.hangUp()
      await serve(gone.target)
      expect(await status()).toBe(502)
      await serve()
      expect(await status()).toBe(503)
      await serve(deaf.target)
      expect(await status()).toBe(504)
      await serve(one.target)
      await settled(one.target, gone.target, deaf.target)
      await deaf.stop()
    })

    test('after the app has broken off: before an answer, in its head, in its body', async () => {
      for (const path of ['/break', '/break-head', '/break-late']) {
        await ask(under().port, host, { path }).catch(() => {})
        await settled(one.target)
      }
    })

    test('after a try that failed at one target and one that did not at the next', async () => {
      for (const path of ['/break', '/']) {
        const broken = await startApp('broken')
        if (path === '/') await broken.stop()
        await serve(broken.target, one.target)
        for (let turn = 0; turn < 4; turn++) await ask(under().port, host, { path })
        await serve(one.target)
        await settled(one.target, broken.target)
        await broken.stop()
      }
    })

    const hangsUp: [string, string, boolean][] = [
      ['in the middle of its head', 'GET / HTTP/1.1\r\nHo', false],
      ['in the middle of a body of known length', `${head('POST', '/', 'Content-Length: 8')}half`, false],
      ['in the middle of a chunk', `${head('POST', '/', 'Transfer-Encoding: chunked')}8\r\nhalf`, false],
      ['between two chunks', `${head('POST', '/', 'Transfer-Encoding: chunked')}4\r\nhalf\r\n`, false],
      ['while it waits for the answer', head('GET', '/wait'), true],
      ['while it waits, with its body sent', `${head('POST', '/wait', 'Content-Length: 4')}full`, true],
      ['in the middle of the answer', head('GET', '/half'), true],
      ['in the middle of events', head('GET', '/events', 'Accept: text/event-stream'), true],
      ['with its next request sent already', head('GET', '/wait') + head('GET', '/wait'), true],
    ]
    test.each(hangsUp)('after a client has hung up %s', async (_, text, counted) => {
      const client = await raw(text)
      if (counted) await untilCount(1)
      client.hangUp()
      await settled(one.target)
    })

    test('after HEAD, an old client without keep-alive, and requests sent in one go', async () => {
      const two = head('GET', '/') + head('GET', '/', 'Connection: close')
      const asked: [string, number][] = [
        [head('HEAD', '/', 'Connection: close'), 1],
        [`GET / HTTP/1.0\r\nHost: ${host}\r\n\r\n`, 1],
        [two, 2],
      ]
      for (const [text, answers] of asked) {
        const said = await (await raw(text)).ended()
        expect(said.split(' 200 OK').length - 1).toBe(answers)
        await settled(one.target)
      }
    })

    test('after a WebSocket was closed by the client, by the app, or never opened', async () => {
      const closed = await openSocket(under().port, host)
      await untilCount(1)
      closed.close()
      await settled(one.target)
      const dropped = await openSocket(under().port, host)
      await untilCount(1)
      await dropped.echo('leave').catch(() => {})
      await settled(one.target)
      await expect(openSocket(under().port, host, '/refused')).rejects.toThrow(' 403 ')
      await settled(one.target)
    })

    test('while many come and go in every way at once', async () => {
      const ways = hangsUp.map(([, text]) => text)
      const clients: Promise<Raw>[] = []
      for (let turn = 0; turn < 300; turn++) clients.push(raw(ways[turn % ways.length] as string))
      const stays = await openSocket(under().port, host)
      for (const client of await Promise.all(clients)) client.hangUp()
      await untilCount(1)
      expect(await stays.echo('still')).toBe('still')
      stays.close()
      await settled(one.target)
    })
  })
}
