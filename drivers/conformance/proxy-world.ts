/** What the promises of a proxy are tried with: apps of their own, stopped afterwards. */
import { strict as assert } from 'node:assert'
import { type Answer, type App, type Ask, ask, startApp, until } from './proxy-apps.ts'
import type { ProxyUnderTest } from './proxy-under-test.ts'

export interface ProxyWorld extends ProxyUnderTest {
  app(answer: string): Promise<App>
  get(host: string, more?: Ask): Promise<Answer>
  /** Makes these hosts and their targets the whole table. */
  route(hosts: Readonly<Record<string, readonly string[]>>): Promise<string>
  inflight(app: App): Promise<number>
  /** Waits until this many are in flight to it. */
  counts(app: App, wanted: number): Promise<void>
  /** Waits until nothing is in flight to any of these, and it is exactly nothing. */
  nothingInFlight(...targets: readonly string[]): Promise<void>
  running(): Promise<void>
}

export async function inProxy(it: ProxyUnderTest, play: (world: ProxyWorld) => Promise<void>): Promise<void> {
  const { driver, port, patience } = it
  const apps: App[] = []
  const inflight = async ({ target }: App) => (await driver.inflight([target]))[target] ?? Number.NaN
  let killed = false
  const world: ProxyWorld = {
    ...it,
    async kill() {
      killed = true
      await it.kill()
    },
    async start() {
      await it.start()
      killed = false
    },
    async app(answer) {
      const app = await startApp(answer)
      apps.push(app)
      return app
    },
    get: (host, more = {}) => ask(port, host, more),
    route: (hosts) =>
      driver.apply({
        hosts: Object.fromEntries(Object.entries(hosts).map(([host, targets]) => [host, { app: 'a', targets }])),
      }),
    inflight,
    counts: (app, wanted) => until(async () => (await inflight(app)) === wanted, patience),
    async nothingInFlight(...targets) {
      const none = Object.fromEntries(targets.map((target) => [target, 0]))
      await until(async () => Object.values(await driver.inflight(targets)).every((count) => count === 0), patience)
      assert.deepEqual(await driver.inflight(targets), none)
    },
    running: () => until(async () => (await driver.status()).running, patience),
  }
  try {
    await play(world)
  } finally {
    await Promise.all(apps.map((app) => app.stop()))
    if (killed) {
      await world.start()
      await world.running()
    }
  }
}

/** Long enough that a request is there, and would have been answered. */
export function aMoment(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 200))
}
