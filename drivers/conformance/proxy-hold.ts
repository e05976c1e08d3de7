/** Requests of an app that is exchanged, and has nothing that runs meanwhile: they wait, and none is lost. */
import { strict as assert } from 'node:assert'
import { type Answer, open, openSocket, until } from './proxy-apps.ts'
import { swapWhileAsked } from './proxy-swap.ts'
import type { ProxyPromises, ProxyUnderTest } from './proxy-under-test.ts'
import { aMoment, inProxy, type ProxyWorld } from './proxy-world.ts'

const host = 'held.test'

interface Held extends ProxyWorld {
  serve(...targets: readonly string[]): Promise<string>
  hold(): Promise<string>
  /** Returns when some of what is asked is there, and would have been answered. */
  come(asking: () => Promise<Answer>[]): Promise<Promise<Answer>[]>
}

export const holdPromises: ProxyPromises = {
  'a route that is held keeps requests of every kind until there is a target, which gets each of them once': (it) =>
    holding(it, async ({ app, get, come, hold, serve, nothingInFlight }) => {
      const one = await app('one')
      await hold()
      const body = Buffer.alloc(300_000, 'x')
      const asked = await come(() => [
        ...[1, 2, 3, 4].map(() => get(host)),
        ...[1, 2, 3, 4].map(() => get(host, { method: 'POST', path: '/length', body })),
      ])
      await serve(one.target)
      const answers = (await Promise.all(asked)).map(({ status, body }) => `${status} ${body}`)
      assert.deepEqual(answers, [...Array(4).fill('200 one'), ...Array(4).fill('200 300000')])
      await nothingInFlight(one.target)
    }),

  'a route that is held lets what is being answered go on, and counts it': (it) =>
    holding(it, async ({ app, get, come, hold, serve, inflight, nothingInFlight, counts }) => {
      const [old, fresh] = [await app('old'), await app('fresh')]
      await serve(old.target)
      const before = get(host, { path: '/wait' })
      await counts(old, 1)
      await hold()
      const during = await come(() => [1, 2, 3, 4].map(() => get(host)))
      assert.equal(await inflight(old), 1)
      await old.release()
      assert.equal((await before).body, 'old')
      await nothingInFlight(old.target)
      await serve(fresh.target)
      const bodies = (await Promise.all(during)).map(({ body }) => body)
      assert.deepEqual(bodies, Array(4).fill('fresh'))
    }),

  'a route that is held keeps a request whose body was on its way when the hold began': (it) =>
    holding(it, async ({ app, port, hold, serve, inflight }) => {
      const [old, fresh] = [await app('old'), await app('fresh')]
      await serve(old.target)
      const { asked, answered } = open(port, host, '/length')
      asked.write('first')
      await aMoment()
      await hold()
      asked.end('last')
      await aMoment()
      assert.equal(await inflight(old), 0)
      await serve(fresh.target)
      assert.equal(await answered, '9')
    }),

  'a route that is held opens a WebSocket when there is a target': (it) =>
    holding(it, async ({ app, port, hold, serve }) => {
      const one = await app('one')
      await hold()
      const opening = openSocket(port, host)
      await aMoment()
      await serve(one.target)
      const socket = await opening
      assert.equal(await socket.echo('hello'), 'hello')
      socket.close()
    }),

  'a route that is held answers 503 when its app was stopped instead, and 404 when it is gone': (it) =>
    holding(it, async ({ get, hold, serve, route }) => {
      await hold()
      const stopped = get(host)
      await aMoment()
      await serve()
      assert.equal((await stopped).status, 503)
      await hold()
      const gone = get(host)
      await aMoment()
      await route({})
      assert.equal((await gone).status, 404)
    }),

  'a route that is held is held still when the proxy was killed and started again': (it) =>
    holding(it, async ({ app, get, hold, serve, kill, start, running }) => {
      const one = await app('one')
      await hold()
      await kill()
      await start()
      await running()
      const asked = get(host)
      await aMoment()
      await serve(one.target)
      assert.equal((await asked).body, 'one')
    }),

  'no request is lost when an app is stopped before the next one is started, under 40 connections': async ({
    port,
    driver,
  }) => {
    const result = await swapWhileAsked(port, driver, 3_000, 'stop first')
    console.log(`stop first: ${result.requests} requests, ${result.failed.length} failed, ${result.swaps} swaps`)
    assert.deepEqual(result.failed, [])
    assert(result.swaps > 3, `only ${result.swaps} swaps`)
  },
}

function holding(it: ProxyUnderTest, play: (world: Held) => Promise<void>): Promise<void> {
  return inProxy(it, (world) =>
    play({
      ...world,
      serve: (...targets) => world.route({ [host]: targets }),
      hold: () => world.driver.apply({ hosts: { [host]: { app: 'a', targets: [], held: true } } }),
      async come(asking) {
        const requests = async () => (await world.driver.status()).requests
        const before = await requests()
        const answers = asking()
        await until(async () => (await requests()) > before, world.patience)
        await aMoment()
        return answers
      },
    }),
  )
}
