/** What happens around the point of no return, when the store, the proxy or a container fails there. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import type { Release } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import type { RolloutParts } from './parts.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

let house: House
let app: App
let count = 0

beforeAll(async () => {
  house = await testHouse('tswitch', '10.94.0.0/16')
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

/** Only containers of the group that serves are left, this many. */
async function settled(quantity: number) {
  return until(async () => {
    const all = await house.engine.list(app.id)
    const { group } = await house.current(app)
    return all.length === quantity && all.every((one) => one.group === group) && all
  })
}

test('a store that fails while an app’s names are read fails the deploy, not the kernel', async () => {
  const ofApp = () => Promise.reject(away)
  const store = storeWith({ domains: { ofApp } })
  await expect(deployed(house.fresh({ store }))).rejects.toBe(away)
  expect(await house.engine.list(app.id)).toEqual([])
})
