import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import { describe as inWords } from '../domain/operation.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

let house: House
let app: App
let count = 0

beforeAll(async () => {
  house = await testHouse('tstop', '10.98.0.0/16')
})
beforeEach(async () => {
  app = await house.app(`app${++count}`)
  house.stopFirst.add(app.id)
  await deploy({ VERSION: 'one' })
})
afterEach(async () => {
  await house.rollout.destroy(await house.current(app), testJob().job)
  await house.store.apps.destroy(app.id)
})
afterAll(() => house.close())

async function deploy(config: Record<string, string>) {
  const release = await house.release(app, config)
  const run = testJob()
  await house.rollout.deploy(await house.current(app), release, formation(1), run.job)
  return run
}

/** Looks all the time which groups run, and fails when it ever saw two of them. */
function onlyOneGroupRuns() {
  let going = true
  const most = (async () => {
    let seen = 0
    while (going) {
      const running = (await house.engine.list(app.id)).filter(({ state }) => state === 'running')
      seen = Math.max(seen, new Set(running.map(({ group }) => group)).size)
    }
    return seen
  })()
  return async () => {
    going = false
    expect(await most).toBe(1)
  }
}

test('the old group has ended before the new one begins, as was planned, and requests only wait', async () => {
  const stopAsking = house.proxy.clients(app)
  const neverTwo = onlyOneGroupRuns()
  for (const version of ['two', 'three']) {
    const release = await house.release(app, { VERSION: version, DELAY: '20' })
    const plan = await house.rollout.plan(await house.current(app), release, formation(1), 'deploy')
    const { job, words } = testJob()
    await house.rollout.deploy(await house.current(app), release, formation(1), job)
    expect(words()).toEqual(plan.map(inWords))
    expect(words()).toEqual([
      `hold the requests of ${app.name}: they wait until it runs again`,
      `drain and stop web.1 of v${release.version - 1}`,
      'start web.1',
      'check web.1',
      `switch the routes of ${app.name}`,
    ])
    expect((await house.proxy.get(app)).text).toContain(version)
  }
  await neverTwo()
  expect(Object.keys(await stopAsking()).sort()).toEqual(['200 one', '200 three', '200 two'])
  await until(async () => (await house.engine.list(app.id)).length === 1)
  expect(house.problems.splice(0)).toEqual([])
})

test('when the new release does not come up the old group is started again, and the requests go to it', async () => {
  const before = await house.engine.list(app.id)
  const stopAsking = house.proxy.clients(app)
  const neverTwo = onlyOneGroupRuns()
  await expect(deploy({ VERSION: 'two', MODE: 'exit' })).rejects.toMatchObject({ code: 'refused' })
  expect((await house.proxy.get(app)).text).toContain('one')
  await neverTwo()
  expect(Object.keys(await stopAsking())).toEqual(['200 one'])
  const after = await house.engine.list(app.id)
  expect(after.map(({ id, state }) => [id, state])).toEqual(before.map(({ id }) => [id, 'running']))
  expect(await house.current(app)).toMatchObject({ release: 1 })
  expect(house.problems.splice(0)).toEqual([])
})

test('a group that is started again is kept by the engine, which may not have come to it before', async () => {
  await house.rollout.reconcile(app.id)
  const kept: string[] = []
  const rollout = house.fresh({ engine: { ...house.engine, keep: async (id) => void kept.push(id) } })
  const before = await house.engine.list(app.id)
  const broken = await house.release(app, { MODE: 'exit' })
  const refused = rollout.deploy(await house.current(app), broken, formation(1), testJob().job)
  await expect(refused).rejects.toMatchObject({ code: 'refused' })
  await rollout.reconcile(app.id)
  expect(kept).toEqual(before.map(({ id }) => id))
})

test('one that is cancelled while the old group drains or the new one starts changes nothing', async () => {
  const hangsUp = new AbortController()
  const release = await house.release(app, { MODE: 'silent' })
  const cancelled = house.rollout.deploy(await house.current(app), release, formation(1), testJob(hangsUp.signal).job)
  await until(async () => (await house.engine.list(app.id)).some((one) => one.release === 2 && one.state === 'running'))
  hangsUp.abort()
  await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
  expect((await house.proxy.get(app)).text).toContain('one')
  expect(house.problems.splice(0)).toEqual([])
})

test('a proxy that does not answer keeps the old group from being stopped', async () => {
  house.proxy.answers(false)
  await expect(deploy({ VERSION: 'two' })).rejects.toMatchObject({ code: 'unavailable' })
  house.proxy.answers(true)
  expect((await house.engine.list(app.id)).map(({ release, state }) => [release, state])).toEqual([[1, 'running']])
  expect((await house.proxy.get(app)).text).toContain('one')
})

test('a kernel that is killed in the middle: the next one ends what was begun, and then starts the old group', async () => {
  // It waits for ever at the point where it would commit: that is where it dies.
  let asked = 0
  const traffic = {
    ...house.proxy.traffic,
    ready: () => (++asked === 2 ? new Promise<void>(() => {}) : house.proxy.traffic.ready()),
  }
  const dead = house.fresh({ traffic })
  // It takes its time to end: who did not wait for that would be seen.
  const release = await house.release(app, { VERSION: 'two', LINGER: '3000' })
  dead.deploy(await house.current(app), release, formation(1), testJob().job).catch(() => {})
  await until(() => asked === 2)
  const neverTwo = onlyOneGroupRuns()

  const next = house.fresh()
  const closing = new AbortController()
  const watching = next.watch(closing.signal)
  await until(async () => (await house.proxy.get(app)).text.includes('one'), 20_000)
  await neverTwo()
  await until(async () => (await house.engine.list(app.id)).length === 1)
  closing.abort()
  await watching
})

test('an app whose groups may run side by side is not stopped first', async () => {
  house.stopFirst.delete(app.id)
  const { words } = await deploy({ VERSION: 'two' })
  expect(words()[0]).toBe('start web.1')
})
