/** Reads the world that is planned for: of the whole machine, or of one app. The engine first, and then the store: what is made meanwhile has a row before it has anything else. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../domain/app.ts'
import { budgetFor, defaultBudget, type Room } from '../domain/disk.ts'
import type { Storage } from '../engine/storage.ts'
import type { Store } from '../state/store.ts'
import { day, keeps, type World } from './world.ts'

export interface Observed {
  readonly store: Pick<Store, 'apps' | 'releases' | 'jobs' | 'audit' | 'settings'>
  readonly engine: Storage
  readonly repositories: { list(): Promise<string[]> }
  /** Names of the bases that builds start from. */
  readonly bases: () => ReadonlySet<string>
  /** Folder of the job logs. */
  readonly logs: string
  /** Room of the disk that a path is on. */
  readonly roomAt: (path: string) => Promise<Room>
}

export async function observe(parts: Observed): Promise<World> {
  const { store, engine } = parts
  const [usage, containers, networks, repositories, logs] = await Promise.all([
    engine.usage(),
    engine.containers(),
    engine.networks(),
    parts.repositories.list(),
    logNumbers(parts.logs),
  ])
  const [jobs, expiredAudit, budget] = await Promise.all([
    store.jobs.outlines(),
    store.audit.expired(keeps.audit, auditBefore()),
    budgetNow(parts, usage.imageBytes + usage.cache.bytes),
  ])
  const releases = await store.releases.outlines()
  const busy = new Set(jobs.filter(({ active }) => active).map(({ app }) => app))
  const apps = (await store.apps.list()).map((app) => outline(app, busy.has(app.id)))
  const { images, ...space } = usage
  return {
    ...{ now: Date.now(), apps, releases, images, bases: parts.bases(), containers, networks },
    ...{ repositories, jobs, logs, expiredAudit, space: { ...space, budget } },
  }
}

/** What belongs to one app; whoever asks has its turn. Quick, and it does not get slower with other apps. */
export async function observeApp({ store, engine }: Observed, id: string): Promise<World> {
  const [images, containers] = await Promise.all([engine.images(id), engine.containers(id)])
  const [releases, app] = await Promise.all([store.releases.outlines(id), store.apps.byId(id)])
  const nothing = { networks: [], repositories: [], jobs: [], logs: [], expiredAudit: 0, bases: new Set<string>() }
  return {
    ...nothing,
    ...{ now: Date.now(), apps: app ? [outline(app, false)] : [], releases, images, containers },
    space: { imageBytes: 0, cache: { bytes: 0, used: 0 }, budget: 0 },
  }
}

export function auditBefore(): string {
  return new Date(Date.now() - keeps.auditDays * day).toISOString()
}

/** As the operator set it. */
export async function budgetText({ store }: Pick<Observed, 'store'>): Promise<string> {
  return (await store.settings.get('disk-budget')) ?? defaultBudget
}

/** A disk that cannot be looked at, as with an engine on another machine, is nobody's to clean by share. */
async function budgetNow(parts: Observed, used: number): Promise<number> {
  const room = await parts.roomAt(await parts.engine.root()).catch(() => null)
  return room ? budgetFor(await budgetText(parts), room, used) : Number.POSITIVE_INFINITY
}

async function logNumbers(folder: string): Promise<number[]> {
  const names = await readdir(join(folder, 'jobs')).catch(() => [])
  return names.flatMap((name) => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? Number.NaN) || [])
}

function outline({ id, name, release }: App, busy: boolean): World['apps'][number] {
  return { id, name, release, busy }
}
