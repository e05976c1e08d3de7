/**
 * push → build → release → rollout → route: the only file that knows the order. A push enters at the front,
 * `config:set` and `releases:rollback` at release, `ps:scale` at rollout, `domains:*` at route.
 */
import type { Readable } from 'node:stream'
import type { BuildStage, Built } from './build/build.ts'
import { type App, type Formation, type ProcessScale, scaleOf } from './domain/app.ts'
import { describe, type Operation } from './domain/operation.ts'
import { difference, type Release, runningTypes } from './domain/release.ts'
import type { Source } from './domain/source.ts'
import { UserError } from './errors.ts'
import type { JobQueue, RunningJob } from './jobs/queue.ts'
import { acceptable, type Push, unmoved } from './push/receive.ts'
import type { Repositories } from './push/repositories.ts'
import { release } from './release/release.ts'
import type { Rollout } from './rollout/rollout.ts'
import type { Store } from './state/store.ts'

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

/** The parts that the pipeline joins. */
export interface Parts {
  readonly store: Store
  readonly jobs: JobQueue
  readonly repositories: Repositories
  readonly build: BuildStage
  readonly rollout: Rollout
  readonly routes: { refresh(): Promise<void>; forget(app: string): void }
  /** Writes a tar to the spool and lists it; the caller removes it. */
  spool(tar: Readable, signal: AbortSignal): Promise<Source & { remove(): Promise<void> }>
  /** True when the engine still has every one of these images. */
  hasImages(images: readonly string[]): Promise<boolean>
  url(app: App): Promise<string>
}

export type Pipeline = ReturnType<typeof createPipeline>

export function createPipeline(parts: Parts) {
  const { store, jobs, repositories, build, rollout, routes } = parts

  /** Runs `work` on the app's turn as a job, and reports what was really done. */
  async function change(
    kind: string,
    app: App,
    asker: Asker,
    work: (job: RunningJob, fresh: App) => Promise<{ result: string; release?: number }>,
  ): Promise<Change> {
    const done: Operation[] = []
    return jobs.run({ kind, app, ...asker }, async (job) => {
      const recording = recorder(job, done)
      const { result, release: version } = await work(recording, await current(app))
      return {
        result,
        value: { app: app.name, release: version ?? null, planned: false, operations: done.map(describe), result },
      }
    })
  }

  async function current(app: App): Promise<App> {
    const found = await store.apps.byId(app.id)
    if (!found) throw new UserError('not-found', `${app.name} was destroyed while this waited.`)
    return found
  }

  async function serving(app: App): Promise<Release> {
    const found = app.release === null ? null : await store.releases.get(app.id, app.release)
    if (!found)
      throw new UserError('conflict', `${app.name} has no release yet.`, 'Push it first: git push megapolos main')
    return found
  }

  function planned(app: App, operations: readonly Operation[]): Change {
    return {
      app: app.name,
      release: null,
      planned: true,
      operations: operations.map(describe),
      result: 'Nothing was changed.',
    }
  }

  /** release → rollout → route: makes a release of this content serve, or leaves no trace of it. */
  async function serve(
    app: App,
    input: Parameters<typeof release>[1],
    formation: Formation,
    job: RunningJob,
  ): Promise<Release> {
    const made = await release(store.releases, input)
    try {
      job.emit(`-----> Releasing v${made.version}`)
      job.did({ do: 'release', description: input.description })
      if (made.processes.release) await timed(job, 'release task done', () => rollout.releaseTask(app, made, job))
      job.emit(`-----> Rolling out v${made.version}`)
      await timed(job, 'rolled out', () => rollout.deploy(app, made, formation, job))
      return made
    } catch (error) {
      // Once it serves it stays: what failed then came after the point of no return.
      if ((await store.apps.byId(app.id))?.release !== made.version) await store.releases.discard(app.id, made.version)
      throw error
    }
  }

  function releasePlan(made: Pick<Release, 'processes'>, description: string): Operation[] {
    return [{ do: 'release', description }, ...(made.processes.release ? [{ do: 'release-task' } as const] : [])]
  }

  async function buildTree(
    app: App,
    push: Pick<Push, 'new' | 'tree'>,
    source: Source,
    config: Record<string, string>,
    job: RunningJob,
  ): Promise<Built> {
    job.emit('-----> Building')
    const built = await timed(job, 'built', () =>
      build.build({
        app,
        commit: push.new,
        tree: push.tree,
        source,
        config,
        id: job.id,
        emit: job.emit,
        signal: job.signal,
      }),
    )
    if (!built.reused) job.did({ do: 'build', commit: push.new })
    return built
  }

  /** Types that app.json names and nobody ever scaled take its quantity; said once for those that stay at none. */
  async function formationFor(
    app: App,
    wished: Readonly<Record<string, number>>,
    types: readonly string[],
    job: RunningJob,
  ): Promise<Formation> {
    const known = await store.formations.get(app.id)
    const fresh: Record<string, ProcessScale> = {}
    for (const type of types) {
      if (known[type]) continue
      const standard = scaleOf({}, type)
      fresh[type] = { ...standard, quantity: wished[type] ?? standard.quantity }
      if (fresh[type].quantity === 0)
        job.emit(`       ${type} is not running yet: ssh megapolos ps:scale ${app.name} ${type}=1`)
    }
    return { ...known, ...fresh }
  }

  return {
    /** Resolves when the push is decided; its turn lasts until git has moved the ref. */
    push(app: App, push: Push, tar: Readable, asker: Asker): Promise<Change> {
      return new Promise((decided, refused) => {
        const began = performance.now()
        const work = async (job: RunningJob, fresh: App) => {
          const branch = acceptable(push, fresh)
          const source = await parts.spool(tar, job.signal)
          try {
            unmoved(push, await repositories.ref(app.id, push.ref), branch)
            const config = await store.config.get(app.id)
            const built = await buildTree(fresh, push, source, config, job)
            const content = { commit: push.new, tree: push.tree, ...built }
            const formation = await formationFor(fresh, built.formation, runningTypes(built), job)
            const made = await serve(
              fresh,
              { app, content, config, description: `Push ${push.new.slice(0, 7)}`, actor: asker.actor },
              formation,
              job,
            )
            await Promise.all([store.apps.claimBranch(app.id, branch), store.formations.set(app.id, formation)])
            job.emit(
              `-----> ${app.name} v${made.version} is live at ${await parts.url(fresh)} (${seconds(began)} in all)`,
            )
            return { result: `v${made.version} is live.`, release: made.version }
          } finally {
            await source.remove()
          }
        }
        change('push', app, asker, async (job, fresh) => {
          const outcome = await work(job, fresh)
          decided({ app: app.name, release: outcome.release, planned: false, operations: [], result: outcome.result })
          await repositories.awaitRef(app.id, push.ref, push.new, 5000)
          return outcome
        }).catch(refused)
      })
    },

    async configure(
      app: App,
      changes: Readonly<Record<string, string | null>>,
      asker: Asker,
      options: { restart: boolean; dryRun: boolean },
    ): Promise<Change> {
      const description = configDescription(changes)
      const released = app.release !== null && options.restart
      if (options.dryRun) {
        if (!released) return planned(app, [])
        const from = await serving(app)
        return planned(app, [
          ...releasePlan(from, description),
          ...(await rollout.plan(app, from, await store.formations.get(app.id), 'deploy')),
        ])
      }
      return change('config', app, asker, async (job, fresh) => {
        const before = await store.config.get(app.id)
        await store.config.set(app.id, changes)
        if (fresh.release === null || !options.restart) return { result: `${description}; the next release takes it.` }
        try {
          const from = await serving(fresh)
          const config = await store.config.get(app.id)
          const made = await serve(
            fresh,
            { app, content: from, config, description, actor: asker.actor },
            await store.formations.get(app.id),
            job,
          )
          return { result: `${description}; v${made.version} is live.`, release: made.version }
        } catch (error) {
          if ((await store.apps.byId(app.id))?.release === fresh.release) await store.config.replace(app.id, before)
          throw error
        }
      })
    },

    async rollback(app: App, version: number | null, asker: Asker, dryRun: boolean): Promise<Change> {
      const now = await serving(app)
      const to = await rollbackTarget(store, app, version)
      const description = `Rollback to v${to.version}`
      const lines = difference(now, to)
      for (const line of lines.length > 0 ? lines : ['no difference but the number']) asker.emit(`       ${line}`)
      if (dryRun)
        return planned(app, [
          ...releasePlan(to, description),
          ...(await rollout.plan(app, to, await store.formations.get(app.id), 'deploy')),
        ])
      return change('rollback', app, asker, async (job, fresh) => {
        const content = (await parts.hasImages(Object.values(to.processes).map((process) => process.image)))
          ? to
          : await rebuilt(fresh, to, job)
        const made = await serve(
          fresh,
          { app, content, config: to.config, description, actor: asker.actor },
          await store.formations.get(app.id),
          job,
        )
        await store.config.replace(app.id, to.config)
        return { result: `Rolled back to v${to.version}, as v${made.version}.`, release: made.version }
      })
    },

    async scale(
      app: App,
      scales: Readonly<Record<string, Partial<ProcessScale>>>,
      asker: Asker,
      dryRun: boolean,
    ): Promise<Change> {
      const formation = merged(await store.formations.get(app.id), scales)
      const memoryChanges = Object.values(scales).some((scale) => scale.memory !== undefined)
      const kind = memoryChanges ? 'deploy' : 'scale'
      const runs = app.release !== null && !app.stopped
      if (dryRun) return planned(app, runs ? await rollout.plan(app, await serving(app), formation, kind) : [])
      return change(memoryChanges ? 'limit' : 'scale', app, asker, async (job, fresh) => {
        if (fresh.release !== null && !fresh.stopped) await rollout[kind](fresh, await serving(fresh), formation, job)
        await store.formations.set(app.id, formation)
        return {
          result: `${app.name} is scaled to ${Object.entries(formation)
            .map(([type, scale]) => `${type}=${scale.quantity}`)
            .join(' ')}.`,
        }
      })
    },

    /** A fresh group of the release that serves: `ps:restart`, and `ps:start` after a stop. */
    async restart(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      const from = await serving(app)
      if (dryRun) return planned(app, await rollout.plan(app, from, await store.formations.get(app.id), 'deploy'))
      return change(app.stopped ? 'start' : 'restart', app, asker, async (job, fresh) => {
        job.emit(`-----> Starting ${app.name} v${from.version}`)
        await rollout.deploy(fresh, await serving(fresh), await store.formations.get(app.id), job)
        return { result: `${app.name} runs, all processes fresh.` }
      })
    },

    async stop(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      if (dryRun) return planned(app, await rollout.plan(app, null, {}, 'stop'))
      return change('stop', app, asker, async (job, fresh) => {
        await rollout.stop(fresh, job)
        return { result: `${app.name} is stopped; its addresses answer 503.` }
      })
    },

    async destroy(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      const hosts = (await store.domains.ofApp(app.id)).map((domain) => domain.host)
      const operations: Operation[] = hosts.map((host) => ({ do: 'remove-route', host, app: app.name }))
      if (dryRun)
        return planned(app, [
          ...(await rollout.plan(app, null, {}, 'destroy')),
          ...operations,
          { do: 'destroy', what: app.name },
        ])
      return change('destroy', app, asker, async (job, fresh) => {
        job.commit()
        await rollout.destroy(fresh, job)
        await store.apps.destroy(app.id)
        routes.forget(app.id)
        await routes.refresh()
        for (const operation of operations) job.did(operation)
        await repositories.remove(app.id)
        job.did({ do: 'destroy', what: app.name })
        return { result: `${app.name} is gone.` }
      })
    },

    /** Changes which hosts reach the app: `apply` writes them, the plan is the difference. */
    async route(app: App, wanted: readonly string[], asker: Asker, dryRun: boolean): Promise<Change> {
      const plan = async () => {
        const had = (await store.domains.ofApp(app.id))
          .filter((domain) => domain.kind === 'custom')
          .map((domain) => domain.host)
        return [
          ...had
            .filter((host) => !wanted.includes(host))
            .map((host): Operation => ({ do: 'remove-route', host, app: app.name })),
          ...wanted
            .filter((host) => !had.includes(host))
            .map((host): Operation => ({ do: 'route', host, app: app.name })),
        ]
      }
      if (dryRun) return planned(app, await plan())
      return change('domains', app, asker, async (job) => {
        const operations = await plan()
        await store.domains.set(app.id, wanted)
        await routes.refresh()
        for (const operation of operations) job.did(operation)
        return {
          result:
            wanted.length > 0
              ? `${app.name} answers at ${wanted.join(', ')}.`
              : `${app.name} has no domains of its own.`,
        }
      })
    },

    async rename(app: App, name: string, asker: Asker): Promise<Change> {
      return change('rename', app, asker, async () => {
        await store.apps.rename(app.id, name)
        await routes.refresh()
        return { result: `${app.name} is now ${name}.` }
      })
    },
  }

  async function rebuilt(app: App, to: Release, job: RunningJob): Promise<Release> {
    job.emit(`-----> An image of v${to.version} is gone; building ${to.commit.slice(0, 7)} again`)
    const source = await parts.spool(repositories.archive(app.id, to.commit), job.signal)
    try {
      return { ...to, ...(await buildTree(app, { new: to.commit, tree: to.tree }, source, { ...to.config }, job)) }
    } finally {
      await source.remove()
    }
  }
}

function recorder(job: RunningJob, done: Operation[]): RunningJob {
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

async function timed<T>(job: RunningJob, what: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now()
  const result = await work()
  job.emit(`       ${what} in ${seconds(began)}`)
  return result
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1)} s`
}

function configDescription(changes: Readonly<Record<string, string | null>>): string {
  const set = Object.keys(changes).filter((key) => changes[key] !== null)
  const unset = Object.keys(changes).filter((key) => changes[key] === null)
  return [set.length > 0 ? `Set ${set.join(', ')}` : '', unset.length > 0 ? `unset ${unset.join(', ')}` : '']
    .filter(Boolean)
    .join(' and ')
    .replace(/^u/, 'U')
}

async function rollbackTarget(store: Store, app: App, version: number | null): Promise<Release> {
  const releases = await store.releases.list(app.id)
  const before = releases.filter((candidate) => candidate.version < (app.release ?? 0))
  const target = version === null ? before[0] : releases.find((candidate) => candidate.version === version)
  if (target && target.version !== app.release) return target
  if (version === null) throw new UserError('conflict', `${app.name} has no release before v${app.release}.`)
  if (version === app.release)
    throw new UserError(
      'conflict',
      `v${version} is the release that serves now.`,
      `See the others: ssh megapolos releases ${app.name}`,
    )
  throw new UserError(
    'not-found',
    `${app.name} has no release v${version}.`,
    `See them: ssh megapolos releases ${app.name}`,
  )
}

function merged(formation: Formation, scales: Readonly<Record<string, Partial<ProcessScale>>>): Formation {
  const changed = Object.entries(scales).map(([type, scale]) => [type, { ...scaleOf(formation, type), ...scale }])
  return { ...formation, ...Object.fromEntries(changed) }
}
