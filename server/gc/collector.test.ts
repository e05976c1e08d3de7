/** Collection as it runs, on a real store and a real queue of jobs. The engine and the disk are played: they have tests of their own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import type { Room } from '../domain/disk.ts'
import type { Storage, StoredImage } from '../engine/storage.ts'
import { UserError } from '../errors.ts'
import { createJobs } from '../jobs/jobs.ts'
import type { JobQueue } from '../jobs/queue.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { type Collector, createCollector } from './collector.ts'

let started: TestStore
let jobs: JobQueue
let collector: Collector
let blog: App
let images: StoredImage[]
let refuse: Record<string, Error>
let kept: readonly string[]
let rooms: Record<string, Room>
let whileRemoving: (name: string) => Promise<void>
let lines: string[]

const plenty = { free: 90e9, total: 100e9 }
const asker = () => ({
  actor: 'ann',
  emit: (line: string) => void lines.push(line),
  signal: new AbortController().signal,
})
const listener = () => ({ ...asker(), did: () => {} })
const names = () => images.flatMap((image) => image.names)

beforeAll(async () => {
  started = await startStore('sqlite')
})
afterAll(() => started.stop())

beforeEach(async () => {
  const { store, folder } = started
  for (const { id } of await store.apps.list()) await store.apps.destroy(id)
  blog = await store.apps.create('blog', 'ann')
  images = []
  refuse = {}
  kept = []
  lines = []
  rooms = { '/home': plenty, '/docker': plenty }
  whileRemoving = async () => {}
  jobs = createJobs({ store, live: { wake: () => {} }, journal: { record: () => {} }, logs: folder, log: quiet })
  collector = createCollector({
    ...{
      store,
      jobs,
      engine: playedEngine(),
      bases: () => new Set<string>(),
      logs: folder,
      folders: ['/home'],
      log: quiet,
    },
    roomAt: async (path) => rooms[path] ?? Promise.reject(new Error('gone')),
    repositories: {
      list: async () => [blog.id],
      remove: async () => {},
      keep: async (_app, commits) => {
        kept = commits
      },
      tidy: async () => {},
    },
  })
})

function playedEngine(): Storage {
  const remove = async (name: string) => {
    await whileRemoving(name)
    if (refuse[name]) throw refuse[name]
    images = images
      .map((image) => ({ ...image, names: image.names.filter((one) => one !== name) }))
      .filter((image) => image.names.length > 0)
  }
  return {
    root: async () => '/docker',
    images: async (app) => images.filter((image) => image.app === app),
    usage: async () => ({ images, imageBytes: 10e9, cache: { bytes: 0, used: 0 } }),
    containers: async () => [],
    networks: async () => [],
    removeImage: remove,
    removeContainer: remove,
    removeNetwork: remove,
    pruneBuildCache: async () => 0,
  }
}

/** A release that serves, with an image of its own. */
async function released(image: string, commit = image): Promise<void> {
  const process = { image, command: null, port: 5000 }
  const made = await started.store.releases.create({
    ...{
      app: blog.id,
      commit,
      tree: commit,
      build: null,
      processes: { web: process },
      hardened: true,
      config: {},
      attachments: [],
      links: [],
    },
    ...{ checks: { path: null, timeout: 60 }, description: 'Push', createdBy: 'ann' },
  })
  await started.store.apps.serve(blog.id, made.version, '0a1b2c3d')
}

function present(id: string): void {
  images.push({ id, app: blog.id, names: [`megapolos/app-${blog.id}:${id}`], bytes: 1e6, namedAt: null })
}

test('what is planned is what is done, said, and noted in the job; the second time there is nothing', async () => {
  present('used')
  present('useless')
  await released('used')
  const planned = await collector.plan()
  expect(planned.operations).toEqual([
    `remove image megapolos/app-${blog.id}:useless, 1.0 MB: no release of blog uses it`,
  ])
  expect(names()).toHaveLength(2)

  const done = await collector.collect(asker())
  expect(done).toEqual({ planned: false, operations: planned.operations, bytes: 1e6, kept: [] })
  expect(names()).toEqual([`megapolos/app-${blog.id}:used`])
  expect(lines).toContain(`       ${planned.operations[0]}`)
  const [job] = await started.store.jobs.list({ limit: 1 })
  expect(job).toMatchObject({
    kind: 'gc',
    state: 'succeeded',
    operations: planned.operations,
    result: 'Removed 1 thing, 1.0 MB.',
  })
  expect((await collector.collect(asker())).operations).toEqual([])
})

test('an image that a push took up again after the plan was made stays', async () => {
  for (const id of ['first', 'second', 'used']) present(id)
  await released('used')
  whileRemoving = async (name) => {
    if (name.endsWith('first')) await released('second')
  }
  const shop = await started.store.apps.create('shop', 'ann')
  const [first] = images
  if (first) images[0] = { ...first, app: shop.id, names: [`megapolos/app-${shop.id}:first`] }
  await collector.collect(asker())
  expect(names()).toEqual([`megapolos/app-${blog.id}:second`, `megapolos/app-${blog.id}:used`])
})

test('an app whose job runs is left alone, and said to be', async () => {
  present('useless')
  const end = Promise.withResolvers<void>()
  const job = jobs.run({ kind: 'push', app: blog, actor: 'ann', emit: () => {} }, async () => {
    await end.promise
    return { value: null, result: 'Done' }
  })
  await expect.poll(async () => (await started.store.jobs.list({ active: true, limit: 1 })).length).toBe(1)
  expect((await collector.collect(asker())).operations).toEqual([])
  expect(names()).toHaveLength(1)
  end.resolve()
  await job
  expect((await collector.collect(asker())).operations).toHaveLength(1)
})

test('what the engine keeps is said, and the rest goes', async () => {
  for (const id of ['held', 'useless']) present(id)
  const said = `Docker keeps megapolos/app-${blog.id}:held: a container uses it.`
  refuse[`megapolos/app-${blog.id}:held`] = new UserError('conflict', said)
  const { operations, kept } = await collector.collect(asker())
  expect(operations).toHaveLength(1)
  expect(kept).toEqual([said])
  expect(lines).toContain(`       ${said}`)
})

test('an engine that goes away in the middle fails the job; what was done is done, and the next one goes on', async () => {
  for (const id of ['one', 'two']) present(id)
  refuse[`megapolos/app-${blog.id}:two`] = new UserError('unavailable', 'Docker does not answer.')
  await expect(collector.collect(asker())).rejects.toThrow('Docker does not answer.')
  expect(names()).toEqual([`megapolos/app-${blog.id}:two`])
  refuse = {}
  await collector.collect(asker())
  expect(names()).toEqual([])
})

test('after a change an app loses at once what only it had, and its commits are kept', async () => {
  for (const id of ['held', 'used', 'useless']) present(id)
  await released('used', 'c0ffee')
  refuse[`megapolos/app-${blog.id}:held`] = new UserError('conflict', 'A container uses it.')
  collector.settle(blog.id)
  await expect.poll(names).toEqual([`megapolos/app-${blog.id}:held`, `megapolos/app-${blog.id}:used`])
  expect(kept).toEqual(['c0ffee'])
})

test('releases beyond the newest twenty go with their images; their number, and their commits, do not matter any more', async () => {
  for (let version = 1; version <= 22; version++) {
    present(`v${version}`)
    await released(`v${version}`)
  }
  const { operations } = await collector.collect(asker())
  expect(operations[0]).toBe('remove v1 … v2 of blog: the newest 20 of an app are kept')
  expect(operations.slice(1).map((line) => line.split(', ')[0])).toEqual([
    `remove image megapolos/app-${blog.id}:v1`,
    `remove image megapolos/app-${blog.id}:v2`,
  ])
  expect((await started.store.releases.list(blog.id)).map(({ version }) => version).at(-1)).toBe(3)
  expect(kept).toHaveLength(20)
})

test('a log whose job is gone goes with the account of its time, and no other', async () => {
  const job = await jobs.run({ kind: 'push', app: blog, actor: 'ann', emit: () => {} }, async ({ id, emit }) => {
    emit('a line')
    return { value: id, result: 'Done' }
  })
  const files = (id: number) => ['log', 'steps'].map((kind) => join(started.folder, 'jobs', `${id}.${kind}`))
  mkdirSync(join(started.folder, 'jobs'), { recursive: true })
  for (const file of files(9999)) writeFileSync(file, 'left over\n')
  await collector.collect(asker())
  expect([...files(9999), ...files(job)].map((file) => existsSync(file))).toEqual([false, false, true, true])
})

test('a build on a disk with room is not held up', async () => {
  present('useless')
  await collector.room(listener())
  expect(names()).toHaveLength(1)
  expect(lines).toEqual([])
})

test('a disk that is nearly full is cleaned before a build, which then goes on', async () => {
  present('useless')
  rooms['/docker'] = { free: 0.5e9, total: 100e9 }
  whileRemoving = async () => {
    rooms['/docker'] = plenty
  }
  await collector.room(listener())
  expect(lines[0]).toBe('-----> The disk is nearly full: making room')
  expect(names()).toEqual([])
})

test.each(['/home', '/docker'])('a build is refused with the figures when %s stays nearly full', async (path) => {
  rooms[path] = { free: 40e6, total: 2e9 }
  await expect(collector.room(listener())).rejects.toMatchObject({
    code: 'unavailable',
    message: `The disk is nearly full: 40.0 MB of 2.0 GB are free at ${path}, and a build needs 100 MB.`,
  })
})

test('a disk that is nearly full makes images go that a rollback can have built again, the oldest first', async () => {
  for (let version = 1; version <= 7; version++) {
    present(`v${version}`)
    await released(`v${version}`)
  }
  rooms['/docker'] = { free: 0.5e9, total: 100e9 }
  await expect(collector.room(listener())).rejects.toThrow('nearly full')
  expect(names().map((name) => name.split(':')[1])).toEqual(['v3', 'v4', 'v5', 'v6', 'v7'])
  expect(await started.store.releases.list(blog.id)).toHaveLength(7)
})

test('the disk is told as it is, with the budget as it was set', async () => {
  await started.store.settings.set('disk-budget', '5GB')
  const told = { path: '/docker', free: 90e9, total: 100e9, images: 10e9, cache: 0, budget: '5GB', allowed: 5e9 }
  expect(await collector.disk()).toEqual(told)
  rooms = {}
  expect(await collector.disk()).toMatchObject({ free: null, allowed: null })
  await started.store.settings.set('disk-budget', '50%')
})
