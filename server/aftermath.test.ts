import { afterEach, beforeEach, expect, test } from 'vitest'
import { settleAftermath } from './aftermath.ts'
import type { Release } from './domain/release.ts'
import { createJobs } from './jobs/jobs.ts'
import { quiet, startStore, type TestStore } from './state/stores-for-test.ts'

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

test('what was interrupted says how the app is now, and what goes on with it', async () => {
  const app = await at.store.apps.create('blog', 'laptop')
  const { version } = await pending(app.id, {}, { web: process, worker: process })
  await at.store.apps.serve(app.id, version, 'cafe0001')
  await at.store.formations.set(app.id, { web: { quantity: 2, memory: 512 } })
  const interrupted = async (kind: string, id: string | null = app.id) => {
    await new Promise((resolve) => setTimeout(resolve, 2))
    const job = await at.store.jobs.create({ kind, app: id, actor: 'laptop', state: 'running' })
    await settle()
    const { state, result } = (await at.store.jobs.get(job.id)) ?? {}
    return `${state}: ${result?.replace('Interrupted: the kernel stopped while this job was running. ', '')}`
  }
  const runs = 'interrupted: blog runs v1 at web=2 worker=0. If that is not what you wanted:'
  expect(await interrupted('scale')).toBe(`${runs} ps:scale blog TYPE=NUMBER`)
  expect(await interrupted('restart')).toBe(`${runs} ps:restart blog`)
  expect(await interrupted('stop')).toBe(`${runs} ps:stop blog`)
  expect(await interrupted('devices:install', null)).toBe('interrupted: To go on with it, type it again.')
  await at.store.apps.setStopped(app.id, true)
  expect(await interrupted('start')).toBe('interrupted: blog is stopped. If that is not what you wanted: ps:start blog')
  expect(await interrupted('stop')).toMatch(/^succeeded: blog is stopped\./)
})

test('a rotation that had switched is called succeeded; one that had not is interrupted', async () => {
  const app = await at.store.apps.create('blog', 'laptop')
  const { version } = await pending(app.id, {})
  await at.store.apps.serve(app.id, version, 'cafe0001')
  const rotation = async (group: string | null) => {
    await new Promise((resolve) => setTimeout(resolve, 2))
    const { id } = await at.store.jobs.create({ kind: 'rotate', app: app.id, actor: 'laptop', state: 'running' })
    if (group !== null) await at.store.apps.serve(app.id, version, group)
    await settle()
    return (await at.store.jobs.get(id))?.state
  }
  expect([await rotation('cafe0002'), await rotation(null)]).toEqual(['succeeded', 'interrupted'])
})

test('a restore whose apps had begun to move is called succeeded, and says that the kernel goes on with it', async () => {
  const { store } = at
  const app = await store.apps.create('blog', 'laptop')
  await store.devices.add({
    ...{ name: 'pg', class: 'database', driver: 'postgres', node: 'local', as: 'container' },
    ...{ version: null, settings: {}, state: 'ready' },
  })
  await store.databases.keep({ name: 'notes', device: 'pg', handle: 'notes_1', createdBy: 'laptop' })
  await store.databases.addScratch('pg', 'scratch_1')
  await store.databases.intend('scratch_1', 'notes')
  const restored = async () => {
    const { id } = await store.jobs.create({ kind: 'restore', app: null, actor: 'laptop', state: 'running' })
    await settle()
    return store.jobs.get(id)
  }
  expect((await restored())?.state).toBe('interrupted')
  await store.credentials.add({
    user: 'blog_1',
    password: 'secret',
    database: 'notes',
    handle: 'scratch_1',
    app: app.id,
  })
  await store.credentials.granted('blog_1', { host: '10.0.0.1', port: 5432, database: 'scratch_1' })
  await store.credentials.switched(app.id)
  expect(await restored()).toMatchObject({
    state: 'succeeded',
    result: expect.stringContaining('notes was being switched'),
  })
})

const settle = () =>
  settleAftermath(
    at.store,
    createJobs({ store: at.store, live: { wake() {} }, journal: { record() {} }, logs: at.folder, log: quiet }),
  )

const process = { image: 'sha256:1', command: null, port: null }

function pending(app: string, config: Record<string, string>, processes: Release['processes'] = {}) {
  return at.store.releases.create({
    ...{
      app,
      config,
      commit: 'a'.repeat(40),
      tree: 'b'.repeat(40),
      build: null,
      processes,
      hardened: true,
      attachments: [],
      links: [],
    },
    ...{ checks: { path: null, timeout: 60 }, description: 'Set GREETING', createdBy: 'laptop' },
  })
}
