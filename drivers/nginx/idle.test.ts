/** The pauses after which a kept connection is just being closed, against a real Node and a real gunicorn. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { until } from '../conformance/proxy-apps.ts'
import { postAfterPauses } from '../conformance/proxy-idle.ts'
import { makeNginx, type Nginx } from './nginx-for-test.ts'

const seconds = Number(process.env.MEGAPOLOS_SOAK ? 600 : 30)
let nginx: Nginx

beforeAll(async () => {
  nginx = await makeNginx()
  await nginx.driver.install()
  await nginx.start()
  await until(async () => (await nginx.driver.status()).running)
})
afterAll(() => nginx?.remove())

test('no POST is lost or sent twice around the moment when the app or the proxy ends an idle connection', {
  timeout: (seconds + 60) * 1000,
}, async () => {
  const { posts, failed, notOnce } = await postAfterPauses(nginx.port, nginx.driver, seconds * 1000)
  console.log(`idle: ${posts} POSTs, ${failed.length} failed, ${notOnce.length} not exactly once`)
  expect(failed).toEqual([])
  expect(notOnce).toEqual([])
  expect(posts).toBeGreaterThan(seconds * 16)
})
