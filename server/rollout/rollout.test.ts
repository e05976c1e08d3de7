import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import { describe as inWords } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import type { Rollout } from './rollout.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

let house: House
let rollout: Rollout
let app: App
let count = 0
/** What a container has to say before its check begins, so that the seconds of a check are not spent on a slow start. */
let said: string

beforeAll(async () => {
  house = await testHouse('troll', '10.92.0.0/16')
})
beforeEach(async () => {
  app = await house.app(`app${++count}`)
  said = 'mode '
  const start = async (id: string) => {
    await house.engine.start(id)
    for await (const { text } of house.engine.logs(id, { tail: 'all', follow: true })) if (text.includes(said)) break
  }
  rollout = house.fresh({ engine: { ...house.engine, start } })
})
afterEach(async () => {
  const left = await house.store.apps.byId(app.id)
  if (left) await rollout.destroy(left, testJob().job)
  if (left) await house.store.apps.destroy(app.id)
  expect(house.problems.splice(0)).toEqual([])
})
afterAll(() => house.close())

async function deployed(config: Record<string, string> = {}, wanted = formation(1), changes: Partial<Release> = {}) {
  const release = await house.release(app, config, changes)
  const run = testJob()
  await rollout.deploy(await house.current(app), release, wanted, run.job)
  return { release, ...run }
}

/** Containers of the group that serves, when no others are left. */
async function settled(quantity: number) {
  return until(async () => {
    const all = await house.engine.list(app.id)
    const { group } = await house.current(app)
    return all.length === quantity && all.every((one) => one.group === group && one.state === 'running') && all
  }, 45_000)
}

describe('deploy', () => {
  test('a release serves at the address of its own subnet, and does what was planned', async () => {
    const release = await house.release(app, { VERSION: 'one' })
    const plan = await rollout.plan(app, release, formation(1, 1), 'deploy')
    const { job, words } = testJob()
    await rollout.deploy(app, release, formation(1, 1), job)
    expect(words()).toEqual(plan.map(inWords))
    expect(words()).toEqual([
      'start web.1',
      'start worker.1',
      'check web.1',
      'check worker.1',
      `switch the routes of ${app.name}`,
    ])
    expect(await house.proxy.get(app)).toMatchObject({ status: 200 })
    const now = await house.current(app)
    expect(now).toMatchObject({ release: 1, stopped: false, subnet: expect.any(Number) })
    expect(house.proxy.targets(app)).toEqual([`10.92.${now.subnet}.2:5000`])
  })

  test('the check asks for the app by its name', async () => {
    await deployed({ VERSION: 'one' })
    const [target] = house.proxy.targets(app)
    expect(await (await fetch(`http://${target}/`)).text()).toContain('one')
    expect((await house.store.domains.ofApp(app.id))[0]?.host).toBe(`${app.name}.test`)
  })

  test('no request fails while one release replaces another', async () => {
    await deployed({ VERSION: 'one', DELAY: '30' }, formation(2))
    const stopAsking = house.proxy.clients(app)
    const { words } = await deployed({ VERSION: 'two', DELAY: '30' }, formation(2))
    await settled(2)
    expect(Object.keys(await stopAsking()).sort()).toEqual(['200 one', '200 two'])
    expect(words()).toContain('drain and stop web.2 of v1')
    await until(async () => (await house.store.addresses.list(app.id)).length === 2)
  })

  test('a deploy waits neither for the end of the old group nor until the engine keeps the new one', async () => {
    const later = Promise.withResolvers<void>()
    const { keep, stop } = house.engine
    const slow = {
      keep: (id: string) => later.promise.then(() => keep(id)),
      stop: (id: string, seconds: number) => later.promise.then(() => stop(id, seconds)),
    }
    rollout = house.fresh({ engine: { ...house.engine, ...slow } })
    await deployed()
    const before = await house.engine.list(app.id)
    const began = performance.now()
    await deployed()
    console.log(`deploy of one web container: ${(performance.now() - began).toFixed(0)} ms`)
    expect(await house.engine.list(app.id)).toEqual(expect.arrayContaining(before))
    later.resolve()
    await settled(1)
  })

  test('that the engine does not keep a container is a problem, unless that was to end by then', async () => {
    const fails: (() => void)[] = []
    const keep = () => new Promise<void>((_, reject) => fails.push(() => reject(new Error('it does not run'))))
    rollout = house.fresh({ engine: { ...house.engine, keep } })
    await deployed()
    await deployed()
    for (const fail of fails) fail()
    await until(() => house.problems.length > 0)
    expect(house.problems.splice(0)).toEqual(['rollout.not-kept: Error: it does not run'])
    await deployed()
    await rollout.stop(await house.current(app), testJob().job)
    fails.at(-1)?.()
    await rollout.reconcile(app.id)
  })

  test.each([
    [
      'exit',
      30,
      { MODE: 'exit' },
      /web\.1 exited with code 3 before it answered|worker\.1 exited with code 3 after/,
      'cannot find the database',
    ],
    [
      'oom',
      30,
      { MODE: 'oom' },
      /(web|worker)\.1 was killed: it needs more memory than its limit of 128 MiB/,
      'mode oom',
    ],
    ['wrong port', 2, { MODE: 'wrong-port' }, /web\.1 listens on 8080, but PORT is 5000/, 'listening'],
    ['loopback', 2, { MODE: 'loopback' }, /web\.1 listens on 127\.0\.0\.1:5000 only/, 'listening'],
    ['no port', 2, { MODE: 'silent' }, /web\.1 listened on no port within 2 s; PORT is 5000/, 'mode silent'],
    ['mute', 2, { MODE: 'mute' }, /web\.1 listens on port 5000, but did not answer GET \/ within 2 s/, 'listening'],
    ['worker', 30, { MODE: 'worker-exit' }, /worker\.1 exited with code 5 after \d\.\d s/, 'mode worker-exit'],
    ['port of its own', 2, { MODE: 'wrong-port', PORT: '8081' }, /listens on 8080, but PORT is 8081/, 'listening'],
  ])('a release that does not come up is refused with its cause: %s', async (_, timeout, config, message, line) => {
    await deployed({ VERSION: 'good' })
    const before = await settled(1)
    said = line
    const failed = deployed(config, formation(1, 1), { checks: { path: null, timeout } })
    await expect(failed).rejects.toMatchObject({ code: 'refused', message: expect.stringMatching(message) })
    await failed.catch((error) => expect(error.detail).toContain(line))
    expect(await settled(1)).toEqual(before)
    expect((await house.proxy.get(app)).text).toContain('good')
    expect(await house.current(app)).toMatchObject({ release: 1 })
    expect(await house.store.addresses.list(app.id)).toHaveLength(1)
  })

  test('a path of the app’s own has to succeed', async () => {
    said = 'listening'
    const release = await house.release(app, { MODE: '503' }, { checks: { path: '/up', timeout: 1 } })
    await expect(rollout.deploy(app, release, formation(1), testJob().job)).rejects.toMatchObject({
      message: 'web.1 answered 503 on /up; 200 to 399 is expected.',
    })
  })

  test('a worker that dies after a second is refused', async () => {
    const release = await house.release(app, { MODE: 'dies-soon' })
    await expect(rollout.deploy(app, release, formation(0, 1), testJob().job)).rejects.toMatchObject({
      message: expect.stringMatching(/^worker\.1 exited with code 4 after \d\.\d s; it has to stay alive for 3 s\.$/),
    })
  })

  test('nothing is left of a deploy that was cancelled, or that the proxy cannot follow', async () => {
    const hangsUp = new AbortController()
    const release = await house.release(app, { MODE: 'silent' })
    const cancelled = rollout.deploy(app, release, formation(1), testJob(hangsUp.signal).job)
    await until(async () => (await house.engine.list(app.id)).some((one) => one.state === 'running'))
    hangsUp.abort()
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
    house.proxy.answers(false)
    await expect(deployed()).rejects.toMatchObject({ code: 'unavailable' })
    house.proxy.answers(true)
    expect(await house.engine.list(app.id)).toEqual([])
    expect(await house.store.addresses.list(app.id)).toEqual([])
  })
})

describe('scale, stop and destroy', () => {
  test('more containers join once they answer, and fewer leave once they are idle', async () => {
    await deployed()
    const release = (await house.store.releases.get(app.id, 1)) as Release
    const more = testJob()
    await rollout.scale(await house.current(app), release, formation(3), more.job)
    expect(more.words()).toEqual([
      'start web.2',
      'start web.3',
      'check web.2',
      'check web.3',
      `switch the routes of ${app.name}`,
    ])
    expect(house.proxy.targets(app)).toHaveLength(3)
    const fewer = testJob()
    await rollout.scale(await house.current(app), release, formation(1), fewer.job)
    expect(house.proxy.targets(app)).toHaveLength(1)
    // Asked back while they leave: one way or the other there are three of them again.
    await rollout.scale(await house.current(app), release, formation(3), testJob().job)
    expect(house.proxy.targets(app)).toHaveLength(3)
    await settled(3)
  })

  test('another memory limit takes a fresh group', async () => {
    await deployed()
    const release = (await house.store.releases.get(app.id, 1)) as Release
    const before = (await house.current(app)).group
    await rollout.scale(await house.current(app), release, formation(1, 0, 256), testJob().job)
    expect((await house.current(app)).group).not.toBe(before)
    expect(await settled(1)).toMatchObject([{ memory: 256 }])
  })

  test('a stopped app answers 503, stays stopped, and starts again with its release', async () => {
    const { release } = await deployed()
    const { job, words } = testJob()
    await rollout.stop(await house.current(app), job)
    expect(words()).toEqual([`take ${app.name} off its routes`, 'drain and stop web.1 of v1'])
    expect(await house.proxy.get(app)).toMatchObject({ status: 503 })
    await rollout.reconcile(app.id)
    expect(await house.engine.list(app.id)).toEqual([])
    await until(() => house.shown[app.id]?.state === 'stopped')
    await rollout.deploy(await house.current(app), release, formation(1), testJob().job)
    expect(await house.proxy.get(app)).toMatchObject({ status: 200 })
    await until(() => house.shown[app.id]?.state === 'running')
  })
})

describe('release task', () => {
  const task = (command: string) => ({
    processes: { release: { image: house.image, command: ['/bin/sh', '-c', command], port: null } },
  })

  test('its lines are told as they come, and it leaves nothing', async () => {
    const release = await house.release(app, { NAME: 'blog' }, task('echo migrating $NAME; echo done'))
    const { job, lines } = testJob()
    await rollout.releaseTask(app, release, job)
    expect(lines).toEqual(['       migrating blog', '       done'])
    expect(await house.engine.listOneOff()).toEqual([])
  })

  test('one that fails refuses the release, with its code and last lines', async () => {
    const release = await house.release(app, {}, task('echo no such table; exit 3'))
    await expect(rollout.releaseTask(app, release, testJob().job)).rejects.toMatchObject({
      code: 'refused',
      message: 'The release task exited with code 3. v1 was not released.',
      detail: ['no such table'],
    })
    expect(await house.engine.listOneOff()).toEqual([])
  })
})
