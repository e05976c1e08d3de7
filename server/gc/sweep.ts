/** Carries a plan out, each app's part on the turn of that app, where what has changed since the plan was made decides again. */
import { describe, type Operation } from '../domain/operation.ts'
import { messageOf, UserError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Log } from '../log.ts'
import { type CarryOut, carryOut } from './carry-out.ts'
import { observe, observeApp } from './observe.ts'
import { planCollection } from './plan.ts'
import { operationOf, type Removal, type World } from './world.ts'

export interface SweepParts extends CarryOut {
  readonly repositories: CarryOut['repositories'] & {
    keep(app: string, commits: readonly string[]): Promise<void>
    tidy(app: string): Promise<void>
  }
  readonly jobs: Pick<JobQueue, 'run' | 'between'>
  readonly log: Log
}

/** Whoever wants to know what goes while it goes. */
export interface Listener {
  readonly emit: (line: string) => void
  readonly did: (operation: Operation) => void
  /** Between two removals it may be ended. */
  readonly signal: AbortSignal
}

export interface Swept {
  operations: string[]
  /** That were freed. */
  bytes: number
  /** Why something that was planned is still there. */
  kept: string[]
}

export async function sweep(parts: SweepParts, listener: Listener): Promise<Swept> {
  const world = await observe(parts)
  const planned = planCollection(world)
  const swept: Swept = { operations: [], bytes: 0, kept: [] }
  const inOrder = async (removals: readonly Removal[]) => {
    for (const removal of removals) await attempt(parts, removal, listener, swept)
  }
  // Containers hold images, releases their builds, and the layers of an image that is gone are in the build cache.
  await inOrder(planned.filter(({ kind }) => kind === 'container'))
  for (const [app, removals] of Map.groupBy(planned, ({ app }) => app)) {
    if (app !== null) await onItsTurn(parts, app, removals, listener, swept)
  }
  await inOrder(planned.filter(({ app, kind }) => app === null && kind !== 'container'))
  await pack(parts, world, listener)
  return swept
}

/** What only this app had and cannot reach any more. Nothing when a job of it runs: that one is followed by another call. */
export async function settle(parts: SweepParts, app: string): Promise<void> {
  await parts.jobs.between({ id: app, name: app }, async () => {
    const world = await observeApp(parts, app)
    if (world.apps.length > 0) await keepCommits(parts, world, app)
    const listener: Listener = {
      emit: () => {},
      did: (operation) => parts.log.info('gc.removed', { app, what: describe(operation) }),
      signal: new AbortController().signal,
    }
    const swept: Swept = { operations: [], bytes: 0, kept: [] }
    for (const removal of planCollection(world)) await attempt(parts, removal, listener, swept)
  })
}

async function onItsTurn(
  parts: SweepParts,
  app: string,
  planned: readonly Removal[],
  listener: Listener,
  swept: Swept,
): Promise<void> {
  const done = await parts.jobs.between({ id: app, name: app }, async () => {
    const now = await observeApp(parts, app)
    const mayGo = planCollection({ ...now, space: { ...now.space, budget: Number.NEGATIVE_INFINITY } })
    const keys = new Set(mayGo.map(key))
    for (const removal of planned) if (keys.has(key(removal))) await attempt(parts, removal, listener, swept)
    return true
  })
  if (done === null) swept.kept.push(`A job of the app ${app} runs: what is left of it goes next time.`)
}

function key(removal: Removal): string {
  return removal.kind === 'image' ? `image ${removal.name}` : `${removal.kind} ${removal.app}`
}

/** What somebody else still uses stays, and is said. */
async function attempt(parts: SweepParts, removal: Removal, listener: Listener, swept: Swept): Promise<void> {
  listener.signal.throwIfAborted()
  const operation = operationOf(removal)
  try {
    swept.bytes += await carryOut(parts, removal)
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== 'conflict') throw error
    swept.kept.push(error.message)
    listener.emit(`       ${error.message}`)
    return
  }
  listener.did(operation)
  swept.operations.push(describe(operation))
  listener.emit(`       ${describe(operation)}`)
}

/** Repositories keep what a rollback may have to build again, and lose what nothing leads to any more. */
async function pack(parts: SweepParts, { apps, repositories }: World, { emit, signal }: Listener): Promise<void> {
  const own = apps.filter(({ id }) => repositories.includes(id))
  if (own.length > 0) emit(`-----> Packing ${own.length === 1 ? 'a repository' : `${own.length} repositories`}`)
  for (const { id, name } of own) {
    signal.throwIfAborted()
    const packed = parts.jobs.between({ id, name }, async () => {
      await keepCommits(parts, await observeApp(parts, id), id)
      await parts.repositories.tidy(id)
    })
    await packed.catch((error) => parts.log.warn('gc.not-packed', { app: id, cause: messageOf(error) }))
  }
}

async function keepCommits({ repositories }: SweepParts, world: World, app: string): Promise<void> {
  const gone = new Set(planCollection(world).flatMap((one) => (one.kind === 'releases' ? one.versions : [])))
  const kept = world.releases.filter(({ version }) => !gone.has(version)).map(({ commit }) => commit)
  await repositories.keep(app, [...new Set(kept)])
}
