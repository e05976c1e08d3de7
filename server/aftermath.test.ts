import { afterEach, beforeEach, expect, test } from 'vitest'
import { settleAftermath } from './aftermath.ts'
import { createJobs } from './jobs/jobs.ts'
import { quiet, startStore, type TestStore } from './state/test-stores.ts'

// A store as a killed kernel leaves it, and the next kernel's first look at it.
let at: TestStore

beforeEach(async () => {
  at = await startStore('sqlite')
})
afterEach(() => at.stop())

test('a config job that had switched is called succeeded, and its config vars are those that serve', async () => {
  const app = await at.store.apps.create('blog', 'laptop')
  const { id } = await at.store.jobs.create({ kind: 'config', app: app.id, actor: 'laptop', state: 'running' })
  const { version } = await pending(app.id, { GREETING: 'hi' })
  await at.store.apps.serve(app.id, version, 'cafe0001')
  await settle()
  expect(await at.store.jobs.get(id)).toMatchObject({
    state: 'succeeded',
    result: expect.stringMatching(/^v1 is live\./),
  })
  expect(await at.store.config.get(app.id)).toEqual({ GREETING: 'hi' })
})

test('a job that had not switched is interrupted, and its release is gone', async () => {
  const app = await at.store.apps.create('blog', 'laptop')
  const first = await pending(app.id, {})
  await at.store.apps.serve(app.id, first.version, 'cafe0001')
  await new Promise((resolve) => setTimeout(resolve, 2))
  const { id } = await at.store.jobs.create({ kind: 'config', app: app.id, actor: 'laptop', state: 'running' })
  const { version } = await pending(app.id, { GREETING: 'hi' })
  await settle()
  expect((await at.store.jobs.get(id))?.state).toBe('interrupted')
  expect(await at.store.releases.get(app.id, version)).toBeNull()
  expect(await at.store.config.get(app.id)).toEqual({})
})

const settle = () =>
  settleAftermath(
    at.store,
    createJobs({ store: at.store, live: { wake() {} }, journal: { record() {} }, logs: at.folder, log: quiet }),
  )

function pending(app: string, config: Record<string, string>) {
  return at.store.releases.create({
    ...{
      app,
      config,
      commit: 'a'.repeat(40),
      tree: 'b'.repeat(40),
      build: null,
      processes: {},
      hardened: true,
      attachments: [],
    },
    ...{ checks: { path: null, timeout: 60 }, description: 'Set GREETING', createdBy: 'laptop' },
  })
}
