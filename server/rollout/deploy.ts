/** A new group beside the old one, or in its place: started, checked, switched to at once; then the old one is retired. */
import { randomBytes } from 'node:crypto'
import type { App, Formation } from '../domain/app.ts'
import type { ObservedContainer, Place } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { type Acting, present } from './acting.ts'
import { follow, insist, isAway } from './decided.ts'
import { discard, startGroup } from './group.ts'
import { checkOperation, needsFreshGroup, planGroup, startOperation, wantedPlaces } from './plan.ts'
import { giveBack, makeWay } from './stop-first.ts'

export async function deploy(
  acting: Acting,
  app: App,
  release: Release,
  formation: Formation,
  job: RunningJob,
): Promise<void> {
  const { apps, formations } = acting.parts.store
  const group = newGroup()
  const places = wantedPlaces(release, formation, group)
  acting.states.deploying(app, release, formation)
  const old = await makeWay(acting, app, job)
  const undo = () => giveBack(acting, app, old)
  const fresh = await started(acting, app, release, formation, places, job, undo)
  await decide(acting, app, fresh, job, () => apps.serve(app.id, release.version, group), undo)
  const serving = { ...app, release: release.version, group, stopped: false }
  await Promise.all([
    finish(acting, old.length > 0 ? 'stop-first' : 'deploy', serving, release, formation, fresh, job),
    // The next look at this app goes by the stored formation; it must not undo this one.
    insist(job, () => formations.set(app.id, formation)).catch((error) =>
      acting.parts.log.error('rollout.formation-not-stored', error, { app: app.id }),
    ),
  ])
}

/** The group that serves gets more or fewer containers; another memory limit needs a fresh group. */
export async function scale(
  acting: Acting,
  app: App,
  release: Release,
  formation: Formation,
  job: RunningJob,
): Promise<void> {
  if (app.group === null) return deploy(acting, app, release, formation, job)
  const wanted = wantedPlaces(release, formation, app.group)
  const plan = planGroup(wanted, await present(acting, app.id, wanted))
  if (needsFreshGroup(plan, formation)) return deploy(acting, app, release, formation, job)
  const fresh = await started(acting, app, release, formation, plan.starts, job)
  await decide(acting, app, fresh, job, () => acting.parts.store.formations.set(app.id, formation))
  await finish(acting, 'scale', app, release, formation, fresh, job)
}

export function newGroup(): string {
  return randomBytes(4).toString('hex')
}

/** Up to the point of no return: whatever fails, everything that was started is gone again. */
async function started(
  acting: Acting,
  app: App,
  release: Release,
  formation: Formation,
  places: readonly Place[],
  job: RunningJob,
  undo: () => Promise<void> = async () => {},
): Promise<ObservedContainer[]> {
  const { parts } = acting
  let containers: ObservedContainer[] = []
  try {
    containers = await startGroup(acting, { app, release, formation, places }, job.signal, {
      started: (place) => job.did(startOperation(place)),
      checked: (place) => job.did(checkOperation(place)),
    })
    await parts.traffic.ready()
    job.commit()
    return containers
  } catch (error) {
    await discard(acting, app.id, containers)
    await undo()
    acting.again(app.id)
    throw error
  }
}

/**
 * The store decides what serves. When it refuses, what was started goes. When it says nothing for too long, both groups
 * stay as they are: the next look at the app that it answers ends the one that does not serve.
 */
async function decide(
  acting: Acting,
  app: App,
  fresh: readonly ObservedContainer[],
  job: RunningJob,
  write: () => Promise<void>,
  undo: () => Promise<void> = async () => {},
): Promise<void> {
  try {
    await insist(job, write)
  } catch (error) {
    if (!isAway(error)) {
      await discard(acting, app.id, fresh)
      await undo()
    }
    acting.again(app.id)
    throw error
  }
}

/** Past it: the new ones get requests, and the others follow. */
async function finish(
  acting: Acting,
  kind: 'deploy' | 'stop-first' | 'scale',
  app: App,
  release: Release,
  formation: Formation,
  fresh: readonly ObservedContainer[],
  job: RunningJob,
): Promise<void> {
  for (const { id } of fresh) acting.readiness.admit(id)
  const wanted = app.group === null ? [] : wantedPlaces(release, formation, app.group)
  await follow(acting, kind, app, { wanted, starts: fresh }, job)
  keep(acting, app, fresh)
  acting.again(app.id)
}

/** Nobody waits for it: until then it is the kernel that starts one again which ends. */
function keep({ parts, retirement }: Acting, app: App, fresh: readonly ObservedContainer[]): void {
  for (const { id } of fresh) {
    parts.engine.keep(id).catch(async (error) => {
      // The engine refuses it for one that is ending, and so it may when that was wanted.
      const now = await parts.store.apps.byId(app.id).catch(() => app)
      if (now?.group !== app.group || now.stopped || retirement.leaving(id)) return
      parts.log.error('rollout.not-kept', error, { app: app.id, container: id })
    })
  }
}
