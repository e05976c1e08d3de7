/** What happens around the point of no return, when the store, the proxy or a container fails there. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import { UserError } from '../errors.ts'
import type { RolloutParts } from './parts.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

let house: House
let app: App
let count = 0

beforeAll(async () => {
  house = await testHouse('tswitch', '10.97.0.0/16')
})
beforeEach(async () => {
  app = await house.app(`switched${++count}`)
})
afterEach(async () => {
  house.proxy.switching(true)
  await house.rollout.destroy(await house.current(app), testJob().job)
  await house.store.apps.destroy(app.id)
  house.problems.splice(0)
})
afterAll(() => house.close())

const docker = (...words: string[]) => promisify(execFile)('docker', words)
const away = new UserError('unavailable', 'The store does not answer.')
const lateLine = '       The proxy does not answer. The routes follow as soon as possible.'

async function deployed(rollout = house.rollout, config: Record<string, string> = {}, wanted = formation(1)) {
  const release = await house.release(app, config)
  const run = testJob()
  await rollout.deploy(await house.current(app), release, wanted, run.job)
  return { release, ...run }
}

/** The store, with some calls of `apps` or `domains` taken over. */
function storeWith(changes: { apps?: object; domains?: object }): RolloutParts['store'] {
  const { store } = house
  return {
    apps: { ...store.apps, ...changes.apps },
    domains: { ...store.domains, ...changes.domains },
    formations: store.formations,
    releases: store.releases,
    addresses: store.addresses,
  }
}

/** What the engine does with each container of the app when it ends. */
async function policies(): Promise<string[]> {
  const ids = (await house.engine.list(app.id)).map(({ id }) => id)
  const { stdout } = await docker('inspect', '-f', '{{.HostConfig.RestartPolicy.Name}}', ...ids)
  return stdout.trim().split('\n')
}

/** Only containers of the group that serves are left, this many. */
async function settled(quantity: number) {
  return until(async () => {
    const all = await house.engine.list(app.id)
    const { group } = await house.current(app)
    return all.length === quantity && all.every((one) => one.group === group) ? all : null
  })
}

test('a store that fails while an app’s names are read fails the deploy, not the kernel', async () => {
  const ofApp = () => Promise.reject(away)
  const store = storeWith({ domains: { ofApp } })
  await expect(deployed(house.fresh({ store }))).rejects.toBe(away)
  expect(await house.engine.list(app.id)).toEqual([])
})

test('a deploy whose routes cannot follow succeeds, says so, and the next look ends the old release', async () => {
  await deployed(house.rollout, { VERSION: 'one' })
  await settled(1)
  house.proxy.switching(false)
  const { lines, words } = await deployed(house.rollout, { VERSION: 'two' })
  expect(lines).toEqual([lateLine])
  expect(words()).toEqual(['start web.1', 'check web.1'])
  expect(await house.current(app)).toMatchObject({ release: 2 })
  expect((await house.proxy.get(app)).text).toContain('one')
  house.proxy.switching(true)
  await house.rollout.reconcile(app.id)
  expect((await house.proxy.get(app)).text).toContain('two')
  await settled(1)
})

test('containers that were to go while the proxy was away are taken back at once when they are wanted again', async () => {
  const { release } = await deployed(house.rollout, {}, formation(2))
  const scaled = async (web: number) =>
    house.rollout.scale(await house.current(app), release, formation(web), testJob().job)
  const before = (await settled(2)).map(({ id }) => id).sort()
  house.proxy.switching(false)
  await scaled(1)
  // The look that follows every job finds the proxy away too.
  await house.rollout.reconcile(app.id)
  house.proxy.switching(true)
  await scaled(2)
  expect((await settled(2)).map(({ id }) => id).sort()).toEqual(before)
  expect(house.proxy.targets(app)).toHaveLength(2)
})

test('an app that was stopped while the proxy was away has no containers once it is back', async () => {
  await deployed()
  house.proxy.switching(false)
  const { job, lines } = testJob()
  await house.rollout.stop(await house.current(app), job)
  expect(lines).toEqual([lateLine])
  house.proxy.switching(true)
  await house.rollout.reconcile(app.id)
  await settled(0)
  expect(house.proxy.targets(app)).toEqual([])
})

test('a store that is away when it is told what serves is told again', async () => {
  let calls = 0
  const serve: RolloutParts['store']['apps']['serve'] = async (...what) => {
    calls++
    if (calls > 1) await house.store.apps.serve(...what)
    // The second time it is stored, and the answer is lost.
    if (calls < 3) throw away
  }
  const { lines } = await deployed(house.fresh({ store: storeWith({ apps: { serve } }) }))
  expect(calls).toBe(3)
  expect(lines).toEqual(['       The store does not answer. Trying again for 30 s.'])
  expect(await house.current(app)).toMatchObject({ release: 1 })
  expect(await house.proxy.get(app)).toMatchObject({ status: 200 })
})

test('a store that refuses the switch leaves what served, and nothing of the new release', async () => {
  await deployed(house.rollout, { VERSION: 'one' })
  const before = await settled(1)
  const full = new Error('the disk is full')
  const store = storeWith({ apps: { serve: () => Promise.reject(full) } })
  await expect(deployed(house.fresh({ store }), { VERSION: 'two' })).rejects.toBe(full)
  expect(await settled(1)).toEqual(before)
  expect((await house.proxy.get(app)).text).toContain('one')
  expect(await house.store.addresses.list(app.id)).toHaveLength(1)
})

test('the engine itself keeps what serves, also when the kernel that started it did not come to say so', async () => {
  await deployed()
  await until(async () => (await policies()).join() === 'unless-stopped')
  const dying = house.fresh({ engine: { ...house.engine, keep: async () => {} } })
  await deployed(dying)
  const [only] = await settled(1)
  expect(await policies()).toEqual(['no'])
  await docker('kill', only?.id ?? '')
  await until(async () => (await house.engine.list(app.id)).every(({ state }) => state === 'exited'))
  await house.rollout.reconcile(app.id)
  expect(await policies()).toEqual(['unless-stopped'])
})

test('containers of a scale that fails get no request, although others of it were checked', async () => {
  const { release } = await deployed(house.rollout, { MODE: 'third-fails' })
  const watching = new AbortController()
  house.rollout.watch(watching.signal)
  await until(() => house.proxy.switches.includes('all'))
  const before = house.proxy.switches.length
  const slow = { ...release, checks: { path: null, timeout: 10 } }
  const failing = house.rollout.scale(await house.current(app), slow, formation(3), testJob().job)
  await expect(failing).rejects.toMatchObject({ message: expect.stringMatching(/^web\.3 exited with code 6/) })
  await settled(1)
  watching.abort()
  expect(house.proxy.switches.slice(before)).toEqual([])
})
