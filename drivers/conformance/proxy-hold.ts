/** Requests of an app that is exchanged, and has nothing that runs meanwhile: they wait, and none is lost. */
import { describe, expect, test } from 'vitest'
import type { ProxyUnderTest } from './proxy.ts'
import { type App, ask, open, openSocket, startApp, until } from './proxy-apps.ts'
import { swapWhileAsked } from './proxy-swap.ts'

const host = 'held.test'

/** Runs inside the suite of the proxy, on one that is started. */
export function holds(under: () => ProxyUnderTest, started: (app: App) => App): void {
  describe('a route that is held', () => {
    const app = async (answer: string) => started(await startApp(answer))
    const serve = (...targets: string[]) => under().driver.apply({ hosts: { [host]: { app: 'a', targets } } })
    const hold = () => under().driver.apply({ hosts: { [host]: { app: 'a', targets: [], held: true } } })
    const get = (more: Parameters<typeof ask>[2] = {}) => ask(under().port, host, more)
    const inflight = async ({ target }: App) => (await under().driver.inflight([target]))[target]
    /** Long enough that a request is there, and would have been answered. */
    const aMoment = () => new Promise((resolve) => setTimeout(resolve, 200))

    test('keeps requests of every kind until there is a target, which gets each of them once', async () => {
      const one = await app('one')
      await hold()
      let answered = 0
      const body = Buffer.alloc(300_000, 'x')
      const asked = [
        ...[1, 2, 3, 4].map(() => get()),
        ...[1, 2, 3, 4].map(() => get({ method: 'POST', path: '/length', body })),
      ].map((answer) => answer.finally(() => answered++))
      await aMoment()
      expect(answered).toBe(0)
      await serve(one.target)
      const answers = (await Promise.all(asked)).map(({ status, body }) => `${status} ${body}`)
      expect(answers).toEqual([...Array(4).fill('200 one'), ...Array(4).fill('200 300000')])
      await until(async () => (await inflight(one)) === 0)
    })

    test('lets what is being answered go on, and counts it', async () => {
      const [old, fresh] = [await app('old'), await app('fresh')]
      await serve(old.target)
      const before = get({ path: '/wait' })
      await until(async () => (await inflight(old)) === 1)
      await hold()
      const during = get()
      await aMoment()
      expect(await inflight(old)).toBe(1)
      old.release()
      expect((await before).body).toBe('old')
      await until(async () => (await inflight(old)) === 0)
      await serve(fresh.target)
      expect((await during).body).toBe('fresh')
    })

    test('keeps a request whose body was on its way when the hold began', async () => {
      const [old, fresh] = [await app('old'), await app('fresh')]
      await serve(old.target)
      const { asked, answered } = open(under().port, host, '/length')
      asked.write('first')
      await aMoment()
      await hold()
      asked.end('last')
      await aMoment()
      expect(await inflight(old)).toBe(0)
      await serve(fresh.target)
      expect(await answered).toBe('9')
    })

    test('opens a WebSocket when there is a target', async () => {
      const one = await app('one')
      await hold()
      const opening = openSocket(under().port, host)
      await aMoment()
      await serve(one.target)
      const socket = await opening
      expect(await socket.echo('hello')).toBe('hello')
      socket.close()
    })

    test('answers 503 when its app was stopped instead, and 404 when it is gone', async () => {
      await hold()
      const stopped = get()
      await aMoment()
      await serve()
      expect((await stopped).status).toBe(503)
      await hold()
      const gone = get()
      await aMoment()
      await under().driver.apply({ hosts: {} })
      expect((await gone).status).toBe(404)
    })

    test('is held still when the proxy was killed and started again', async () => {
      const one = await app('one')
      await hold()
      await under().kill()
      await under().start()
      await until(async () => (await under().driver.status()).running)
      const asked = get()
      await aMoment()
      await serve(one.target)
      expect((await asked).body).toBe('one')
    })

    test('no request is lost when an app is stopped before the next one is started, under 40 connections', async () => {
      const result = await swapWhileAsked(under().port, under().driver, 3_000, 'stop first')
      console.log(`stop first: ${result.requests} requests, ${result.failed.length} failed, ${result.swaps} swaps`)
      expect(result.failed).toEqual([])
      expect(result.swaps).toBeGreaterThan(3)
    })
  })
}
