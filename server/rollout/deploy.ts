/** A new group beside the old one: started, checked, switched to at once; then the old one is retired. */
import { randomBytes } from 'node:crypto'
import type { App, Formation } from '../domain/app.ts'
import type { ObservedContainer, Place } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { type Acting, present } from './acting.ts'
import { discard, startGroup } from './group.ts'
import { checkOperation, needsFreshGroup, operations, planGroup, startOperation, wantedPlaces } from './plan.ts'

export async function deploy(
  acting: Acting,
  app: App,
  release: Release,
  formation: Formation,
  job: RunningJob,
): Promise<void> {
  const group = newGroup()
  const places = wantedPlaces(release, formation, group)
  acting.states.deploying(app, release, formation)
  await started(acting, app, release, formation, places, job)
  await acting.parts.store.apps.serve(app.id, release.version, group)
  await finish(
    acting,
    'deploy',
    { ...app, release: release.version, group, stopped: false },
    release,
    formation,
    places,
    job,
  )
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
  await started(acting, app, release, formation, plan.starts, job)
  await finish(acting, 'scale', app, release, formation, plan.starts, job)
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
): Promise<void> {
  const { parts } = acting
  let containers: ObservedContainer[] = []
  try {
    containers = await startGroup(acting, { app, release, formation, places }, job.signal, {
      started: (place) => job.did(startOperation(place)),
      checked: (place) => job.did(checkOperation(place)),
    })
    await parts.traffic.ready()
    job.commit()
  } catch (error) {
    await discard(acting, app.id, containers)
    acting.again(app.id)
    throw error
  }
}

/** Past it: the store says what serves now, and the routes and the other containers follow. */
async function finish(
  acting: Acting,
  kind: 'deploy' | 'scale',
  app: App,
  release: Release,
  formation: Formation,
  starts: readonly Place[],
  job: RunningJob,
): Promise<void> {
  const { parts, retirement, targets } = acting
  // The next look at this app goes by the stored formation; it must not undo this one.
  await parts.store.formations.set(app.id, formation)
  const wanted = app.group === null ? [] : wantedPlaces(release, formation, app.group)
  const { retires } = planGroup(wanted, await present(acting, app.id, wanted))
  retirement.mark(retires)
  await targets.refresh(app.id)
  // Starts and checks were noted as they happened.
  for (const operation of operations(kind, app, { starts, retires })) {
    if (operation.do === 'switch' || operation.do === 'retire') job.did(operation)
  }
  retirement.begin(retires)
  acting.again(app.id)
}
