/** How any change of an app runs: as a job on the app's turn, reporting what was really done, or only planned. */
import type { Readable } from 'node:stream'
import type { AttachmentKeeper } from '../attachments/attachments.ts'
import type { BuildStage } from '../build/build.ts'
import type { App, Formation } from '../domain/app.ts'
import { describe, type Operation } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import type { Source } from '../domain/source.ts'
import { UserError } from '../errors.ts'
import type { Journal } from '../events/journal.ts'
import type { JobQueue, RunningJob } from '../jobs/queue.ts'
import type { Volumes } from '../mounts/volumes.ts'
import type { Repositories } from '../push/repositories.ts'
import type { ReleaseInput } from '../release/release.ts'
import type { Rollout } from '../rollout/rollout.ts'
import type { Store } from '../state/store.ts'
import { step } from '../steps.ts'

/** What changes are made with: the stages and what they share. */
export interface Parts {
  readonly store: Store
  /** Block of the addresses of apps. */
  readonly pool: string
  readonly jobs: JobQueue
  readonly journal: Pick<Journal, 'record'>
  readonly repositories: Repositories
  readonly build: BuildStage
  readonly rollout: Rollout
  readonly volumes: Pick<Volumes, 'attach' | 'detach' | 'follow' | 'open'>
  readonly attachments: AttachmentKeeper
  readonly routes: { refresh(): Promise<void>; forget(app: string): Promise<void> }
  /** Writes a tar to the spool and lists it; the caller removes it. */
  spool(tar: Readable, signal: AbortSignal): Promise<Source & { remove(): Promise<void> }>
  /** Throws `unavailable` when the disk is too full for a build. */
  room(job: RunningJob): Promise<void>
  /** After a change that left something behind: what nobody can reach any more may go. */
  settle(app: string): void
  /** True when the engine still has every one of these images. */
  hasImages(images: readonly string[]): Promise<boolean>
  url(app: App): Promise<string>
}

/** Whoever asked for a change. */
export interface Asker {
  readonly actor: string
  readonly emit: (line: string) => void
  readonly signal: AbortSignal
}

/** What came of it; with `planned` nothing was done and `operations` is what would be. */
export interface Change {
  readonly app: string
  readonly release: number | null
  readonly planned: boolean
  readonly operations: string[]
  /** One sentence. */
  readonly result: string
}

export interface Outcome {
  readonly result: string
  readonly release?: number
}

/** Receives the app as it is on its turn: another job may have changed it meanwhile. */
export type Work = (job: RunningJob, app: App) => Promise<Outcome>

/** What the pipeline does from release on. */
export interface Stages {
  serving(app: App): Promise<Release>
  serve(input: ReleaseInput, formation: Formation, job: RunningJob): Promise<Release>
  plan(app: App, from: Release, description: string, before?: readonly Operation[]): Promise<Change>
  /** Builds again what is gone of the release's images. */
  withImages(app: App, release: Release, job: RunningJob): Promise<Release>
}

/** Version of the release that was made of it, and serves. */
export type Changed = (
  app: App,
  asker: Asker,
  job: RunningJob,
  restart: boolean,
  input: Pick<ReleaseInput, 'config' | 'attachments' | 'links' | 'description'>,
) => Promise<number | null>

export interface Options {
  /** False: save only; the next release takes it. */
  readonly restart: boolean
  readonly dryRun: boolean
}

export type Changes = ReturnType<typeof createChanges>

export function createChanges({ jobs, store, settle }: Pick<Parts, 'jobs' | 'store' | 'settle'>) {
  return {
    async run(kind: string, app: App, asker: Asker, work: Work): Promise<Change> {
      const done: Operation[] = []
      const change = await jobs.run({ kind, app, ...asker }, async (running) => {
        using job = audible(running)
        const now = await store.apps.byId(app.id)
        if (!now) throw new UserError('not-found', `${app.name} was destroyed while this waited.`)
        const { result, release = null } = await work(recording(job, done), now)
        return { result, value: { app: app.name, release, planned: false, operations: done.map(describe), result } }
      })
      if (change.release !== null || kind === 'destroy') settle(app.id)
      return change
    },
    planned(app: App, operations: readonly Operation[]): Change {
      const result = 'Nothing was changed.'
      return { app: app.name, release: null, planned: true, operations: operations.map(describe), result }
    },
  }
}

/** Says how long it took; nobody should have to guess where the time of a push goes. */
export async function timed<T>(job: RunningJob, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await step(what, work)
  job.emit(`       ${what} in ${secondsSince(began)}`)
  return result
}

/** Silence longer than this (ms) is broken: people see that it goes on, and whoever hung up is noticed by writing to them. */
const longestSilence = 5_000

function audible(job: RunningJob): RunningJob & Disposable {
  const began = performance.now()
  let last = began
  const emit = (line: string) => {
    last = performance.now()
    job.emit(line)
  }
  const timer = setInterval(() => {
    if (performance.now() - last >= longestSilence) emit(`       … ${Math.round((performance.now() - began) / 1000)} s`)
  }, 1_000)
  return {
    id: job.id,
    signal: job.signal,
    emit,
    did: (operation) => job.did(operation),
    commit: () => job.commit(),
    [Symbol.dispose]: () => clearInterval(timer),
  }
}

export function secondsSince(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`
}

function recording(job: RunningJob, done: Operation[]): RunningJob {
  return {
    id: job.id,
    signal: job.signal,
    emit: (line) => job.emit(line),
    commit: () => job.commit(),
    did: (operation) => {
      done.push(operation)
      job.did(operation)
    },
  }
}

/** As a person reads it; without a version nothing was rolled out. */
export function outcome(description: string, version: number | null): Outcome {
  if (version === null) return { result: `${description}; the next release takes it.` }
  return { result: `${description}; v${version} is live.`, release: version }
}
