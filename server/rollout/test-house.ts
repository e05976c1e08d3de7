/** For tests only: a rollout on the real engine and a real store, with a small proxy in front of its containers. */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer as createSocketServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App, Formation } from '../domain/app.ts'
import type { Groups } from '../domain/group.ts'
import { describe as inWords, type Operation } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import { createEngine } from '../engine/docker.ts'
import { dockerSocket, makeImage, sweep } from '../engine/test-image.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Live, LiveApp } from '../live/live.ts'
import { openStore } from '../state/open.ts'
import type { RolloutParts } from './parts.ts'
import { createRollout } from './rollout.ts'
import { createProxy } from './test-proxy.ts'

export type House = Awaited<ReturnType<typeof testHouse>>

export async function testHouse(system: string, pool: string) {
  await sweep(system)
  const image = await makeImage(system, [join(import.meta.dirname, 'fixture/app.mjs')])
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-rollout-'))
  await mkdir(join(folder, 'state'))
  const problems: string[] = []
  const log = {
    info: () => {},
    warn: () => {},
    error: (event: string, error: unknown) => void problems.push(`${event}: ${error}`),
  }
  const paths = { sqlite: join(folder, 'state/db.sqlite') }
  const config = { store: 'sqlite', rqlitePort: 1, domain: 'test', paths } as never
  const store = await openStore({ config, key: randomBytes(32), log })
  const relay = await createRelay(join(folder, 'docker.sock'))
  const direct = createEngine({ socket: dockerSocket, system })
  const proxy = await createProxy()
  const shown: Record<string, LiveApp> = {}
  const live = recorder(shown)
  const firewall = { apply: async () => {} }
  const happened: string[] = []
  const stopFirst = new Set<string>()
  const journal = { record: ({ text }: { text: string }) => void happened.push(text) }
  const fresh = (changes: Partial<RolloutParts> = {}) => {
    const engine = createEngine({ socket: relay.path, system })
    return createRollout({
      engine,
      store,
      live,
      journal,
      traffic: proxy.traffic,
      groups: noFolders,
      volumes: { stopFirst: async (id) => stopFirst.has(id) },
      firewall,
      environment: async ({ config }) => config,
      looked: () => {},
      pool,
      system,
      log,
      ...changes,
    })
  }

  return {
    image,
    store,
    engine: direct,
    relay,
    proxy,
    shown,
    /** What the journal was told. */
    happened,
    problems,
    /** Apps whose groups may not run side by side. */
    stopFirst,
    rollout: fresh(),
    /** Another kernel on the same state, as after a crash; some of its parts may be others. */
    fresh,
    async app(name: string): Promise<App> {
      return store.apps.create(name, 'tester')
    },
    async current(app: App): Promise<App> {
      return (await store.apps.byId(app.id)) as App
    },
    async release(app: App, config: Record<string, string> = {}, changes: Partial<Release> = {}): Promise<Release> {
      const command = ['/bin/node', '/app.mjs']
      const web = { image, command, port: 5000 }
      return store.releases.create({
        app: app.id,
        commit: '4f2c9e1000000000000000000000000000000000',
        tree: '5f2c9e1000000000000000000000000000000000',
        build: null,
        processes: { web, worker: { ...web, port: null } },
        hardened: true,
        checks: { path: null, timeout: 30 },
        config,
        attachments: [],
        links: [],
        description: 'Push 4f2c9e1',
        createdBy: 'tester',
        ...changes,
      })
    },
    async close() {
      proxy.close()
      await relay.close()
      await sweep(system)
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** A shared mount is the installation's to make; mounts/groups.test.ts has one. */
const noFolders: Groups = { prepare: async () => [], release: async () => {}, of: () => [] }

export function testJob(signal = new AbortController().signal) {
  const done: Operation[] = []
  const lines: string[] = []
  let committed = false
  const job: RunningJob = {
    id: 1,
    signal,
    emit: (line) => void lines.push(line),
    did: (operation) => void done.push(operation),
    commit() {
      if (signal.aborted && !committed) throw new UserError('cancelled', 'Cancelled.')
      committed = true
    },
  }
  return { job, lines, done, words: () => done.map(inWords), committed: () => committed }
}

export function formation(web: number, worker = 0, memory = 128): Formation {
  return { web: { quantity: web, memory }, worker: { quantity: worker, memory } }
}

/** `until(() => condition)`: asks again every few milliseconds, and says what it waited for when that never comes. */
export async function until<T>(what: () => T | Promise<T>, limit = 10_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + limit
  for (;;) {
    const found = await what()
    if (found) return found as NonNullable<T>
    if (performance.now() > deadline) throw new Error(`never came: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The engine's socket, which can be cut and mended. */
async function createRelay(path: string) {
  const open = new Set<Socket>()
  const server = createSocketServer((client) => {
    const upstream = connect(dockerSocket)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {}).on('close', () => open.delete(socket))
    }
    client.pipe(upstream).pipe(client)
  })
  const mend = () => new Promise<void>((resolve) => server.listen(path, resolve))
  await mend()
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of open) socket.destroy()
    await closed
  }
  return { path, cut, mend, close: () => (server.listening ? cut() : Promise.resolve()) }
}

function recorder(shown: Record<string, LiveApp>): Live {
  return {
    available: () => true,
    async setApp(app, state) {
      shown[app] = state
    },
    apps: async () => shown,
    forget: async (app) => void delete shown[app],
    keepLog: async () => {},
    keptLog: async () => [],
    wake: () => {},
    watch: () => () => {},
    close: async () => {},
  }
}
