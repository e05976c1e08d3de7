import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import type { Release } from '../domain/release.ts'
import { createEngine } from '../engine/docker.ts'
import type { Rollout } from './rollout.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

const docker = (...words: string[]) => promisify(execFile)('docker', words)

const system = 'twatch'
let house: House
let app: App
let rollout: Rollout
let watching: AbortController
let count = 0

beforeAll(async () => {
  house = await testHouse(system, '10.93.0.0/16')
})
beforeEach(async () => {
  rollout = house.fresh()
  watching = new AbortController()
  app = await house.app(`watched${++count}`)
})
afterEach(async () => {
  house.proxy.switching(true)
  await rollout.destroy(await house.current(app), testJob().job)
  watching.abort()
  await house.store.apps.destroy(app.id)
  house.problems.splice(0)
})
afterAll(() => house.close())

async function deployed(wanted = formation(1), config: Record<string, string> = {}): Promise<Release> {
  const release = await house.release(app, config)
  await rollout.deploy(await house.current(app), release, wanted, testJob().job)
  return release
}

function running() {
  return house.engine.list(app.id).then((all) => all.filter(({ state }) => state === 'running'))
}

function routed(quantity: number, limit?: number) {
  return until(() => house.proxy.targets(app).length === quantity, limit)
}

/** Milliseconds: sooner than the look that needs no event. */
const byItsEvent = 25_000

test('a container that was removed by hand is replaced at once', async () => {
  await deployed(formation(2))
  rollout.watch(watching.signal)
  const [first] = await running()
  const began = performance.now()
  await docker('rm', '-f', first?.id ?? '')
  await until(async () => (await running()).length === 2 && house.proxy.targets(app).length === 2, byItsEvent)
  console.log(`replaced in ${(performance.now() - began).toFixed(0)} ms`)
  expect((await running()).map(({ id }) => id)).not.toContain(first?.id)
  expect(await house.proxy.get(app)).toMatchObject({ status: 200 })
  expect(await house.store.addresses.list(app.id)).toHaveLength(2)
})

test('what was removed while the engine’s events were cut is replaced after it', async () => {
  await deployed(formation(1))
  rollout.watch(watching.signal)
  await routed(1)
  await house.relay.cut()
  const [only] = await running()
  await docker('rm', '-f', only?.id ?? '')
  await house.relay.mend()
  await until(async () => (await running()).some(({ id }) => id !== only?.id))
  await until(async () => (await house.proxy.get(app)).status === 200)
})

test.each([
  ['crashed', (id: string) => docker('exec', id, '/bin/sh', '-c', 'kill -9 -1').catch(() => {})],
  ['was killed by hand', (id: string) => docker('kill', id)],
])('a container that %s leaves the routes at once, and comes back once it answers', async (_, end) => {
  await deployed(formation(2))
  const looked = house.proxy.switches.length
  rollout.watch(watching.signal)
  await until(() => house.proxy.switches.slice(looked).includes('all'))
  const [first] = await running()
  const before = house.proxy.switches.length
  await end(first?.id ?? '')
  await until(() => house.proxy.switches.length === before + 2)
  const [without, again] = house.proxy.switches.slice(before)
  expect(without).not.toContain(first?.address)
  expect(again).toContain(first?.address)
  expect((await running()).map(({ id }) => id)).toContain(first?.id)
})

test('containers that were all stopped start again, each at its own address', async () => {
  await deployed(formation(2))
  const addresses = () => running().then((all) => all.map((one) => `${one.process}.${one.index} ${one.address}`).sort())
  const before = await addresses()
  const ids = (await running()).map(({ id }) => id)
  await docker('stop', '-t', '1', ...ids)
  await docker('start', ids.at(-1) ?? '')
  rollout.watch(watching.signal)
  await until(async () => (await running()).length === 2)
  await routed(2)
  expect(await addresses()).toEqual(before)
  for (const { id } of await running()) {
    const details = await house.engine.inspect(id)
    expect(before.join()).toContain(details?.address)
  }
})

test('what a dead kernel had begun is cleaned up, and what it served goes on', async () => {
  await deployed(formation(1), { VERSION: 'one' })
  const serving = await running()
  // A kernel that dies during a deploy leaves the new group running and its addresses taken.
  const dying = house.fresh()
  const release = await house.release(app, { MODE: 'silent' })
  const never = dying.deploy(
    await house.current(app),
    { ...release, checks: { path: null, timeout: 600 } },
    formation(1),
    testJob().job,
  )
  never.catch(() => {})
  await until(async () => (await running()).length === 2)
  rollout.watch(watching.signal)
  await until(async () => (await house.engine.list(app.id)).length === 1, 45_000)
  expect(await running()).toEqual(serving)
  expect((await house.proxy.get(app)).text).toContain('one')
  await until(async () => (await house.store.addresses.list(app.id)).length === 1)
  await never.catch(() => {})
})

test('an app is looked after while the proxy does not take its routes', async () => {
  await deployed()
  const [only] = await running()
  await docker('rm', '-f', only?.id ?? '')
  house.proxy.switching(false)
  rollout.watch(watching.signal)
  await until(async () => (await running()).some(({ id }) => id !== only?.id), byItsEvent)
})

test('what a dead kernel ran for somebody is removed, and never what this one runs', async () => {
  const release = await deployed()
  const [only] = await running()
  const sleeping = { command: ['/bin/sleep', '60'], tty: false }
  await house.fresh().oneOff.run(app, release, sleeping)
  // Only the events can be cut: a session must not end for that reason.
  const { events } = createEngine({ socket: house.relay.path, system })
  const kernel = house.fresh({ engine: { ...house.engine, events } })
  house.proxy.switching(false)
  const session = await kernel.oneOff.run(app, release, sleeping)
  const [ours] = (await house.engine.listOneOff()).slice(0, 1)
  kernel.watch(watching.signal)
  await until(async () => (await house.engine.listOneOff()).length === 1)
  expect(await house.engine.listOneOff()).toEqual([ours])
  // Everything is looked at again, as it is whenever the engine was away.
  await house.relay.cut()
  await docker('rm', '-f', only?.id ?? '')
  await house.relay.mend()
  await until(async () => (await running()).some(({ id }) => id !== only?.id))
  expect(await house.engine.listOneOff()).toEqual([ours])
  await session.kill()
})

test('containers of an app that nobody knows are removed', async () => {
  await deployed()
  const { id } = app
  await house.store.apps.destroy(id)
  rollout.watch(watching.signal)
  await until(async () => (await house.engine.list(id)).length === 0)
  app = await house.app(`watched${++count}`)
})
