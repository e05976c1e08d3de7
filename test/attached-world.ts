/**
 * Apps with databases, on a real store. Containers and the database server are played: what a container was told when it
 * was made, and which logins the server knows, is all that matters here. A kernel can be killed at any of its calls.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { expect } from 'vitest'
import { settleAftermath } from '../server/aftermath.ts'
import { type AttachmentKeeper, createAttachments } from '../server/attachments/attachments.ts'
import { createDatabaseJobs, type DatabaseJobs } from '../server/attachments/database-jobs.ts'
import { type MemoryServer, memoryDevices, memoryServer } from '../server/attachments/memory-driver-for-test.ts'
import { createSwitching, type Switching } from '../server/attachments/switching.ts'
import type { Addon } from '../server/build/build.ts'
import type { Asker, Parts } from '../server/changes/change.ts'
import { readConfig } from '../server/config.ts'
import type { App } from '../server/domain/app.ts'
import type { AttachmentReference } from '../server/domain/database.ts'
import type { Release } from '../server/domain/release.ts'
import { UserError } from '../server/errors.ts'
import { createJobs } from '../server/jobs/jobs.ts'
import { createPipeline, type Pipeline } from '../server/pipeline.ts'
import { noCommit } from '../server/push/repositories.ts'
import { openStore } from '../server/state/open.ts'
import type { Store } from '../server/state/store.ts'
import { quiet } from '../server/state/stores-for-test.ts'

export interface PlayedContainer {
  readonly app: string
  readonly group: string
  readonly env: Readonly<Record<string, string>>
}

export interface Kernel {
  readonly pipeline: Pipeline
  readonly attachments: AttachmentKeeper
  readonly databases: DatabaseJobs
  readonly switching: Switching
}

export type World = Awaited<ReturnType<typeof attachedWorld>>

export async function attachedWorld() {
  const folder = await mkdtemp(join(tmpdir(), 'mp-attached-'))
  const config = readConfig({ MEGAPOLOS_HOME: folder, MEGAPOLOS_STORE: 'sqlite' })
  const paths = { ...config.paths, sqlite: join(folder, 'db') }
  const store = await openStore({ config: { ...config, paths }, key: Buffer.alloc(32, 7), log: quiet })
  const builtIn = { driver: 'memory', class: 'database', node: 'local', as: 'container', version: null } as const
  await store.devices.add({ ...builtIn, name: 'memory', state: 'ready', settings: {} })
  const server = memoryServer()
  const world = {
    store,
    server,
    containers: [] as PlayedContainer[],
    /** What app.json of the next push wishes for. */
    addons: [] as Addon[],
    /** The next rollout fails once its containers have started. */
    unhealthy: false,
    /** Containers that drain keep their login in use until they are let go. */
    draining: false,
    heads: new Map<string, string>(),
    kernel: {} as Kernel,
    calls: [] as string[],

    /** A kernel on what is there; `killAt`: its n-th call that changes anything never happens, nor any after it. */
    async boot(killAt = Number.POSITIVE_INFINITY): Promise<void> {
      world.calls = []
      const touch = (name: string) => {
        world.calls.push(name)
        if (world.calls.length > killAt) throw new Killed(name)
      }
      world.kernel = await assembled(world, folder, touch)
      reconcileAll(world)
      await world.kernel.attachments.attend()
    },
    async close() {
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
  await world.boot()
  return world
}

/** Thrown by every call after the kernel's end. */
export class Killed extends Error {
  constructor(call: string) {
    super(`killed at ${call}`)
  }
}

async function assembled(world: World, folder: string, touch: (name: string) => void): Promise<Kernel> {
  const store = mortal(world.store, touch)
  const server: MemoryServer = { ...world.server, driver: mortalPart('server', world.server.driver, touch) }
  const parts = {
    store,
    devices: memoryDevices({ memory: server }),
    engine: { list: async (app?: string) => world.containers.filter((one) => one.app === app) as never },
    openClient: async () => ({}) as never,
    firewall: { apply: async () => {} },
    routes: { refresh: async () => {} },
    ...{ pool: '10.90.0.0/16', httpPort: 80 },
    log: quiet,
  }
  const jobs = createJobs({ store, live: { wake() {} }, journal: { record() {} }, logs: folder, log: quiet })
  await settleAftermath(store, jobs)
  const attachments = createAttachments(parts)
  const pipeline = createPipeline({
    ...{
      store,
      pool: parts.pool,
      jobs,
      journal: { record() {} },
      attachments,
      volumes: none,
      settle: () => {},
      room: async () => {},
    },
    ...played(world, store, attachments, touch),
  })
  const switching = createSwitching(parts, attachments, pipeline.relogin)
  attachments.watch(new AbortController().signal, switching.goOn)
  const databases = createDatabaseJobs({ jobs, store, databases: attachments.databases, access: switching })
  return { pipeline, attachments, switching, databases }
}

/** Nothing here has a volume. */
const none = { attach: async () => {}, detach: async () => {}, follow: async () => {}, open: async () => '/nowhere' }

function played(
  world: World,
  store: Store,
  attachments: AttachmentKeeper,
  touch: (name: string) => void,
): Pick<Parts, 'repositories' | 'build' | 'rollout' | 'volumes' | 'routes' | 'spool' | 'hasImages' | 'url'> {
  const process = { image: 'sha256:1', command: null, port: 5000 }
  return {
    volumes: { attach: async () => {}, detach: async () => {}, follow: async () => {}, open: async () => '' },
    build: {
      build: async () => ({
        ...{ build: null, processes: { web: process }, hardened: true, checks: { path: null, timeout: 60 } },
        ...{ formation: {}, addons: world.addons, reused: false },
      }),
    },
    rollout: {
      async deploy(app: App, release: Release) {
        const group = Math.random().toString(16).slice(2, 10).padEnd(8, '0')
        const env = await attachments.environment(release, 'coming')
        touch('start')
        world.containers.push({ app: app.id, group, env })
        if (world.unhealthy) {
          world.containers = world.containers.filter((one) => one.group !== group)
          throw new UserError('refused', 'It does not come up.')
        }
        await store.apps.serve(app.id, release.version, group)
        touch('retire')
        if (!world.draining)
          world.containers = world.containers.filter((one) => one.app !== app.id || one.group === group)
      },
      async destroy(app: App) {
        world.containers = world.containers.filter((one) => one.app !== app.id)
      },
      plan: async () => [],
    } as never,
    repositories: {
      ref: async (app: string) => world.heads.get(app) ?? noCommit,
      async awaitRef(app: string, _ref: string, commit: string) {
        world.heads.set(app, commit)
        return true
      },
      remove: async () => {},
    } as never,
    routes: { refresh: async () => {}, forget: async () => {} },
    spool: async () => ({ path: '', files: new Map(), read: async () => null, remove: async () => {} }),
    hasImages: async () => true,
    url: async (app) => `http://${app.name}.localhost/`,
  }
}

/** Containers of groups that do not serve go, as the first look of a kernel does it. */
async function reconcileAll(world: World): Promise<void> {
  const groups = new Map((await world.store.apps.list()).map(({ id, group }) => [id, group]))
  world.containers = world.containers.filter((one) => groups.get(one.app) === one.group)
}

const reading = new Set(['list', 'get', 'find', 'byId', 'ofApp', 'scratches', 'outlines', 'imageFor', 'global'])

function mortal(store: Store, touch: (name: string) => void): Store {
  const parts = Object.entries(store).map(([name, part]) =>
    typeof part === 'object' ? [name, mortalPart(name, part, touch)] : [name, part],
  )
  return Object.fromEntries(parts)
}

function mortalPart<T extends object>(name: string, part: T, touch: (name: string) => void): T {
  const calls = Object.entries(part).map(([call, work]) => {
    const guarded = async (...args: unknown[]) => {
      if (!reading.has(call)) touch(`${name}.${call}`)
      return work(...args)
    }
    return [call, guarded]
  })
  return Object.fromEntries(calls)
}

/** The variable is a URL that the server lets in. */
export function opensIn(world: World, url: string | undefined): boolean {
  const { username, password, pathname } = new URL(url ?? 'memory://nobody:x@nowhere/none')
  return world.server.databases.get(pathname.slice(1))?.logins.get(username) === password
}

/** Store, server and containers agree, and nothing is left over. */
export async function agrees(world: World): Promise<void> {
  await world.kernel.attachments.attend()
  const [databases, logins] = [await world.store.databases.list(), await world.store.credentials.list()]
  expect(databases.map(({ state }) => state).filter((state) => state !== 'ready')).toEqual([])
  expect([...world.server.databases.keys()].sort()).toEqual(databases.map(({ handle }) => handle).sort())
  expect(await world.store.databases.scratches()).toEqual([])
  const known = [...world.server.databases.values()].flatMap(({ logins }) => [...logins.keys()])
  expect(known.sort()).toEqual(logins.map(({ user }) => user).sort())
  expect(logins.filter(({ state }) => state !== 'live')).toEqual([])
  for (const { id, release } of await world.store.apps.list()) {
    const serving = release === null ? null : await world.store.releases.get(id, release)
    const saved = (await world.store.attachments.ofApp(id)).map(({ app, ...reference }) => reference)
    if (serving) expect(saved).toEqual(sorted(serving.attachments))
  }
  for (const { env } of world.containers)
    for (const [name, value] of Object.entries(env))
      if (name.endsWith('_URL')) expect(opensIn(world, value), name).toBe(true)
}

function sorted(attachments: readonly AttachmentReference[]): AttachmentReference[] {
  return [...attachments].sort((a, b) => (a.alias < b.alias ? -1 : 1))
}

export function asker(): Asker & { lines: string[] } {
  const lines: string[] = []
  return { actor: 'ann', lines, emit: (line) => void lines.push(line), signal: new AbortController().signal }
}

/** Pushes anything to the app, made when it is not there. */
export async function push(world: World, name = 'blog') {
  const app = (await world.store.apps.find(name)) ?? (await world.kernel.pipeline.create(name, 'ann'))
  const old = world.heads.get(app.id) ?? noCommit
  const commit = (world.heads.size + Number.parseInt(old.slice(0, 4), 16) + 1)
    .toString(16)
    .padStart(4, '0')
    .padEnd(40, '0')
  const pushed = { ref: 'refs/heads/main', old, new: commit, tree: commit }
  return world.kernel.pipeline.push(app, pushed, Readable.from([]), asker())
}
