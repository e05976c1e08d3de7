/** Stop-first rollouts as they are: the real engine and the real proxy, under 40 kept connections. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeNginx, type Nginx } from '../../drivers/nginx/nginx-for-test.ts'
import { startLoad } from '../../test/load.ts'
import type { App } from '../domain/app.ts'
import { createRoutes, type Routes } from '../route/routes.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

let house: House
let nginx: Nginx
let routes: Routes
let app: App

beforeAll(async () => {
  house = await testHouse('tload', '10.99.0.0/16')
  nginx = await makeNginx()
  await nginx.driver.install()
  await nginx.start()
  await until(async () => (await nginx.driver.status()).running)
  const log = { info() {}, warn() {}, error: (event: string) => void house.problems.push(event) }
  routes = createRoutes({
    ...house.store,
    ...{ challenges: new Map(), gitPort: 1, panelPort: 1, proxy: () => nginx.driver, log },
    openLinks: async () => [],
  })
  app = await house.app('blog')
  house.stopFirst.add(app.id)
  await routes.switchAll({})
})
afterAll(async () => {
  routes?.stop()
  await nginx?.remove()
  await house?.close()
})

test('five stop-first rollouts and one that is refused lose no request: they are only slower', {
  timeout: 240_000,
}, async () => {
  const rollout = house.fresh({ traffic: routes })
  const deploy = async (config: Record<string, string>) =>
    rollout.deploy(await house.current(app), await house.release(app, config), formation(2), testJob().job)
  await deploy({ VERSION: 'v0' })
  const load = startLoad({ port: nginx.port, host: 'blog.test', posts: true })
  for (let round = 1; round <= 5; round++) {
    if (round === 3) await expect(deploy({ MODE: 'exit' })).rejects.toMatchObject({ code: 'refused' })
    await deploy({ VERSION: `v${round}` })
    const before = load.report().requests
    await until(() => load.report().requests > before + 500, 60_000)
  }
  const { requests, failures, answers, slowest } = await load.stop()
  console.log(`stop-first: ${requests} requests, ${failures.length} failed, the slowest took ${slowest} ms`)
  expect(failures).toEqual([])
  expect(answers.map((text) => text.split(' ')[0])).toEqual(['v0', 'v1', 'v2', 'v3', 'v4', 'v5'])
  expect(house.problems).toEqual([])
})
