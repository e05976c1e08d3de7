/** What is wanted and what is there → what has to be done. Pure. */
import { type App, type Formation, scaleOf } from '../domain/app.ts'
import { type ObservedContainer, type Place, placeKey } from '../domain/container.ts'
import type { Operation } from '../domain/operation.ts'
import { type Release, runningTypes } from '../domain/release.ts'

export interface GroupPlan {
  readonly starts: readonly Place[]
  /** They are there and wanted, but nobody runs them: stopped by a Docker restart, or never started. */
  readonly resumes: readonly ObservedContainer[]
  readonly keeps: readonly ObservedContainer[]
  readonly retires: readonly ObservedContainer[]
}

/** The places of a group, web first: `web.1`, `web.2`, `worker.1`. */
export function wantedPlaces(release: Release, formation: Formation, group: string): Place[] {
  return runningTypes(release)
    .sort((a, b) => Number(b === 'web') - Number(a === 'web') || (a < b ? -1 : 1))
    .flatMap((process) =>
      Array.from({ length: scaleOf(formation, process).quantity }, (_, n) => ({
        app: release.app,
        process,
        index: n + 1,
        release: release.version,
        group,
      })),
    )
}

export function planGroup(wanted: readonly Place[], observed: readonly ObservedContainer[]): GroupPlan {
  const free = new Map(wanted.map((place) => [placeKey(place), place]))
  const resumes: ObservedContainer[] = []
  const keeps: ObservedContainer[] = []
  const retires: ObservedContainer[] = []
  for (const container of observed) {
    // A dead one cannot be started again, and one that is being removed is as good as gone.
    if (container.state === 'removing') continue
    if (container.state === 'dead' || !free.delete(placeKey(container))) retires.push(container)
    else if (container.state === 'exited' || container.state === 'created') resumes.push(container)
    else keeps.push(container)
  }
  return { starts: [...free.values()], resumes, keeps, retires }
}

/** The same plan as operations, in the order in which they are done and recorded. */
export function operations(
  kind: 'deploy' | 'stop-first' | 'scale' | 'stop' | 'destroy',
  app: Pick<App, 'name'>,
  plan: Pick<GroupPlan, 'starts' | 'retires'>,
): Operation[] {
  if (kind === 'stop-first') {
    const hold: Operation = { do: 'hold', app: app.name }
    return [hold, ...sorted(plan.retires).map(retireOperation), ...operations('deploy', app, { ...plan, retires: [] })]
  }
  const changesRoutes = [...plan.starts, ...plan.retires].some(({ process }) => process === 'web')
  return [
    ...plan.starts.map(startOperation),
    ...plan.starts.map(checkOperation),
    ...(kind === 'deploy' || (kind === 'scale' && changesRoutes) ? [{ do: 'switch', app: app.name } as const] : []),
    ...(kind === 'stop' || kind === 'destroy' ? [{ do: 'unroute', app: app.name } as const] : []),
    ...sorted(plan.retires).map(retireOperation),
    ...(kind === 'destroy' ? [{ do: 'destroy', what: `the network of ${app.name}` } as const] : []),
  ]
}

export function startOperation({ process, index }: Place): Operation {
  return { do: 'start', process, index }
}

export function checkOperation({ process, index }: Place): Operation {
  return { do: 'check', process, index }
}

function retireOperation({ process, index, release }: Place): Operation {
  return { do: 'retire', process, index, release }
}

function sorted(places: readonly ObservedContainer[]): ObservedContainer[] {
  return [...places].sort(
    (a, b) => a.release - b.release || (a.process < b.process ? -1 : a.process > b.process ? 1 : a.index - b.index),
  )
}

/** True when a container that stays was started with another memory limit than it should have. */
export function needsFreshGroup(plan: GroupPlan, formation: Formation): boolean {
  return [...plan.keeps, ...plan.resumes].some(({ process, memory }) => memory !== scaleOf(formation, process).memory)
}
