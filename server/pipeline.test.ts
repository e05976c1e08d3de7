import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createAttachments } from './attachments/attachments.ts'
import { memoryDevices } from './attachments/memory-driver-for-test.ts'
import type { Asker, Parts } from './changes/change.ts'
import { readConfig } from './config.ts'
import type { App, Formation } from './domain/app.ts'
import type { Operation } from './domain/operation.ts'
import type { Release } from './domain/release.ts'
import { UserError } from './errors.ts'
import type { JobQueue, RunningJob } from './jobs/queue.ts'
import { createLog } from './log.ts'
import { createPipeline, type Pipeline } from './pipeline.ts'
import { noCommit } from './push/repositories.ts'
import type { Rollout } from './rollout/rollout.ts'
import { openStore } from './state/open.ts'
import type { Store } from './state/store.ts'

// The order of the stages, on a real store. Images and containers are played: they have tests of their own.
const commits = ['a', 'b', 'c'].map((digit) => digit.repeat(40)) as [string, string, string]
let folder: string
let store: Store
let pipeline: Pipeline
let steps: string[]
let failAt: string | null
let gone: Set<string>
let full: boolean
let settled: string[]
let head: string
/** Of the ids of images that are built. */
let suffix: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mp-pipeline-'))
  const config = readConfig({ MEGAPOLOS_HOME: folder, MEGAPOLOS_STORE: 'sqlite' })
  store = await openStore({
    config: { ...config, paths: { ...config.paths, sqlite: join(folder, 'db') } },
    key: Buffer.alloc(32, 7),
    log: createLog(() => {}),
  })
  steps = []
  failAt = null
  gone = new Set()
  full = false
  settled = []
  head = noCommit
  suffix = ''
  pipeline = createPipeline(played())
})

afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

function step(name: string): void {
  steps.push(name)
  if (failAt && name.startsWith(failAt)) throw new UserError('refused', `${name} failed`)
}

function played(): Parts {
  const jobs = {
    run: async (request: { emit: (line: string) => void }, work: (job: RunningJob) => Promise<{ value: unknown }>) => {
      const job: RunningJob = {
        id: 1,
        emit: request.emit,
        did: () => {},
        signal: new AbortController().signal,
        commit: () => {},
      }
      return (await work(job)).value
    },
  } as unknown as JobQueue
  const rollout = {
    async releaseTask(_app: App, release: Release) {
      step(`task v${release.version}`)
    },
    async deploy(app: App, release: Release, formation: Formation, job: RunningJob) {
      step(`deploy v${release.version} ${JSON.stringify(formation)}`)
      await store.apps.serve(app.id, release.version, 'cafe0001')
      await store.formations.set(app.id, formation)
      job.did({ do: 'switch', app: app.name })
    },
    async scale(_app: App, release: Release) {
      step(`scale v${release.version}`)
    },
    plan: async (app: App): Promise<Operation[]> => [{ do: 'switch', app: app.name }],
  } as unknown as Rollout
  return {
    store,
    jobs,
    journal: { record() {} },
    rollout,
    volumes: { attach: async () => {}, detach: async () => {}, follow: async () => {}, open: async () => folder },
    repositories: {
      ref: async () => head,
      awaitRef: async (_app: string, _ref: string, commit: string) => {
        head = commit
        return true
      },
      archive: () => Readable.from([]),
      ensure: async () => folder,
      remove: async () => {},
      list: async () => [],
      keep: async () => {},
      tidy: async () => {},
      removeLeftOvers: async () => {},
    },
    build: {
      async build({ app, commit, config }) {
        step(`build ${app.name} ${commit[0]} ${JSON.stringify(config)}`)
        const process = (type: string) => ({
          image: `sha256:${commit}${suffix}`,
          command: ['sh', '-c', type],
          port: type === 'web' ? 5000 : null,
        })
        const processes = { web: process('web'), worker: process('worker'), release: process('release') }
        return {
          build: null,
          processes,
          hardened: true,
          checks: { path: null, timeout: 60 },
          formation: { worker: 2 },
          addons: [],
          reused: false,
        }
      },
    },
    attachments: createAttachments({
      ...{ store, devices: memoryDevices({}), engine: { list: async () => [] }, firewall: { apply: async () => {} } },
      ...{ openClient: async () => ({}) as never, pool: '10.90.0.0/16', httpPort: 80, log: createLog(() => {}) },
      routes: { refresh: async () => {} },
    }),
    routes: { refresh: async () => {}, forget: async () => {} },
    spool: async () => ({
      path: '',
      files: new Map(),
      read: async () => null,
      remove: async () => void step('spool removed'),
    }),
    room: async () => {
      if (full) throw new UserError('unavailable', 'The disk is nearly full.')
    },
    pool: '10.64.0.0/12',
    settle: (app) => void settled.push(app),
    hasImages: async (images) => images.every((image) => !gone.has(image)),
    url: async (app) => `http://${app.name}.localhost/`,
  }
}

function asker(): Asker & { lines: string[] } {
  const lines: string[] = []
  return { actor: 'ann', lines, emit: (line) => void lines.push(line), signal: new AbortController().signal }
}

async function push(commit: string, old = head, by = asker()) {
  const app = (await store.apps.find('blog')) ?? (await pipeline.create('blog', 'ann'))
  return pipeline.push(app, { ref: 'refs/heads/main', old, new: commit, tree: commit }, Readable.from([]), by)
}

const versions = async () =>
  (await store.releases.list((await store.apps.get('blog')).id)).map(({ version }) => version)

test('a push is built, released, checked by its release task, rolled out, and then decided', async () => {
  const by = asker()
  await push(commits[0], noCommit, by)
  expect(steps.map((name) => name.replace(/ \{.*/, ''))).toEqual([
    'build blog a',
    'spool removed',
    'task v1',
    'deploy v1',
  ])
  expect(by.lines.at(-1)).toMatch(/^-----> blog v1 is live at http:\/\/blog\.localhost\/ \(\d\.\d s in all\)$/)
  expect(await store.apps.get('blog')).toMatchObject({ branch: 'main', release: 1 })
})

test('a store that goes away once the release serves is no reason to refuse the push', async () => {
  const away = async () => Promise.reject(new UserError('unavailable', 'The store does not answer.'))
  pipeline = createPipeline({ ...played(), store: { ...store, apps: { ...store.apps, claimBranch: away } } })
  const by = asker()
  expect(await push(commits[0], noCommit, by)).toMatchObject({ release: 1 })
  expect(by.lines.at(-1)).toMatch(/^-----> blog v1 is live at http/)
})

test('app.json scales the types that nobody scaled, and no others', async () => {
  await push(commits[0])
  await pipeline.scale(await store.apps.get('blog'), { worker: { quantity: 5 } }, asker(), false).catch(() => {})
  await store.formations.set((await store.apps.get('blog')).id, { worker: { quantity: 5, memory: 512 } })
  await push(commits[1])
  expect(steps.filter((name) => name.startsWith('deploy'))).toEqual([
    'deploy v1 {"web":{"quantity":1,"memory":512},"worker":{"quantity":2,"memory":512}}',
    'deploy v2 {"web":{"quantity":1,"memory":512},"worker":{"quantity":5,"memory":512}}',
  ])
})

test.each(['build', 'task', 'deploy'])(
  'a push whose %s fails leaves no release, no branch and no file',
  async (stage) => {
    failAt = stage
    await expect(push(commits[0])).rejects.toThrow('failed')
    expect(await versions()).toEqual([])
    expect(await store.apps.get('blog')).toMatchObject({ branch: null, release: null })
    expect(steps).toContain('spool removed')
    failAt = null
    expect((await push(commits[0])).release).toBe(1)
  },
)

test('of two pushes from one parent the second is refused', async () => {
  await push(commits[0], noCommit)
  await expect(push(commits[1], noCommit)).rejects.toThrow('main was created while this push waited.')
  expect(await versions()).toEqual([1])
})

test('config vars that cannot be rolled out are as they were before', async () => {
  await push(commits[0])
  const app = await store.apps.get('blog')
  await pipeline.configure(app, { A: '1' }, asker(), { restart: true, dryRun: false })
  failAt = 'deploy'
  const change = pipeline.configure(await store.apps.get('blog'), { A: '2', B: '3' }, asker(), {
    restart: true,
    dryRun: false,
  })
  await expect(change).rejects.toThrow('failed')
  expect(await store.config.get(app.id)).toEqual({ A: '1' })
  expect(await versions()).toEqual([2, 1])
})

test('a rollback brings back images and config vars without a build, and says what changes', async () => {
  await push(commits[0])
  const app = await store.apps.get('blog')
  await pipeline.configure(app, { A: '1' }, asker(), { restart: true, dryRun: false })
  await push(commits[1])
  steps = []
  const by = asker()
  const { release } = await pipeline.rollback(await store.apps.get('blog'), 1, by, { dryRun: false, without: [] })
  expect(steps.some((name) => name.startsWith('build'))).toBe(false)
  expect(by.lines).toContain('       config A is unset')
  expect(await store.config.get(app.id)).toEqual({})
  expect(await store.releases.get(app.id, release ?? 0)).toMatchObject({
    version: 4,
    commit: commits[0],
    description: 'Rollback to v1',
  })
})

test('a rollback to an image that was pruned builds it again', async () => {
  await push(commits[0])
  await push(commits[1])
  gone.add(`sha256:${commits[0]}`)
  steps = []
  await pipeline.rollback(await store.apps.get('blog'), null, asker(), { dryRun: false, without: [] })
  expect(steps.slice(0, 2)).toEqual(['build blog a {}', 'spool removed'])
})

test('an app whose images are gone is revived as the same release, with what it was built from', async () => {
  const app = await pipeline.create('blog', 'ann')
  await pipeline.configure(app, { A: '1' }, asker(), { restart: false, dryRun: false })
  await push(commits[0])
  const before = await store.releases.get(app.id, 1)
  await store.config.set(app.id, { A: '2' })
  gone.add(`sha256:${commits[0]}`)
  steps = []
  suffix = '-again'
  const { release } = await pipeline.revive(await store.apps.get('blog'), asker())
  expect(release).toBe(1)
  expect(steps).toEqual(['build blog a {"A":"1"}', 'spool removed', 'scale v1'])
  const images = Object.values((await store.releases.get(app.id, 1))?.processes ?? {}).map(({ image }) => image)
  expect(new Set(images)).toEqual(new Set([`sha256:${commits[0]}-again`]))
  expect(await store.releases.get(app.id, 1)).toMatchObject({ config: before?.config, createdAt: before?.createdAt })
  expect(await versions()).toEqual([1])
})

test('what changes an app builds its images again if they are gone, and only once', async () => {
  await push(commits[0])
  gone.add(`sha256:${commits[0]}`)
  steps = []
  suffix = '-again'
  await pipeline.restart(await store.apps.get('blog'), asker(), false)
  await pipeline.configure(await store.apps.get('blog'), { A: '1' }, asker(), { restart: true, dryRun: false })
  expect(steps.filter((name) => name.startsWith('build'))).toEqual(['build blog a {}'])
})

test('a full disk refuses a push before anything of it is stored', async () => {
  full = true
  await expect(push(commits[0])).rejects.toThrow('The disk is nearly full.')
  expect(steps).toEqual([])
})

test('what a change left behind is looked at after it, and not after one that was refused', async () => {
  await push(commits[0])
  const { id } = await store.apps.get('blog')
  expect(settled).toEqual([id])
  failAt = 'build'
  await expect(push(commits[1])).rejects.toThrow('failed')
  expect(settled).toEqual([id])
})

test.each([
  [1, 'conflict', 'v1 is the release that serves now.'],
  [9, 'not-found', 'blog has no release v9.'],
  [null, 'conflict', 'blog has no earlier release to go back to.'],
])('a rollback to %s is refused', async (version, code, message) => {
  await push(commits[0])
  const rollback = pipeline.rollback(await store.apps.get('blog'), version, asker(), { dryRun: false, without: [] })
  await expect(rollback).rejects.toMatchObject({ code, message })
})

test('a dry run changes nothing', async () => {
  await push(commits[0])
  const app = await store.apps.get('blog')
  steps = []
  const plans = [
    await pipeline.configure(app, { A: '1' }, asker(), { restart: true, dryRun: true }),
    await pipeline.scale(app, { web: { quantity: 3 } }, asker(), true),
    await pipeline.restart(app, asker(), true),
    await pipeline.route(app, () => ['example.com'], asker(), true, { take: false, may: () => true }),
    await pipeline.destroy(app, asker(), true),
  ]
  for (const plan of plans) expect(plan).toMatchObject({ planned: true, release: null })
  expect(steps).toEqual([])
  expect(await store.config.get(app.id)).toEqual({})
  expect((await store.domains.ofApp(app.id)).map(({ host }) => host)).toEqual(['blog.localhost'])
})
