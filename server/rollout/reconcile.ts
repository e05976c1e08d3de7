/** Makes one app what it should be, from what is stored and what is there. May be repeated at any time. */
import type { App, Formation } from '../domain/app.ts'
import { type ObservedContainer, type Place, placeKey, placeName } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import type { Happened } from '../events/journal.ts'
import { type Acting, present } from './acting.ts'
import { releaseFolders } from './folders.ts'
import { hostOf, restoreGroup } from './group.ts'
import { type GroupPlan, planGroup, wantedPlaces } from './plan.ts'
import { vanish } from './stop.ts'
import { stopsFirst } from './stop-first.ts'

/** True when there was nothing to do. */
export async function reconcile(acting: Acting, id: string, signal: AbortSignal): Promise<boolean> {
  const { parts, retirement, states, targets } = acting
  const app = await parts.store.apps.byId(id)
  if (!app) {
    await vanish(acting, id)
    return true
  }
  const formation = await parts.store.formations.get(id)
  const release = app.release === null ? null : await parts.store.releases.get(id, app.release)
  const wanted = release && app.group && !app.stopped ? wantedPlaces(release, formation, app.group) : []
  const observed = await present(acting, id, wanted)
  const plan = planGroup(wanted, observed)

  retirement.mark(plan.retires)
  const routed = await targets.refresh(id).then(
    () => true,
    (error) => {
      parts.log.error('rollout.not-routed', error, { app: id })
      return false
    },
  )
  // A proxy that is away may come back with its old table: nothing ends that it may still send requests to.
  retirement.begin(routed ? plan.retires : plan.retires.filter(({ state }) => state === 'dead'))
  if (routed) await freeAddresses(acting, id, wanted)
  try {
    if (release && !(await mustWait(acting, app, plan, wanted))) {
      await revive(acting, { app, release, formation }, plan, signal)
    }
  } finally {
    // Also when not all of it could be started: nobody may think that it runs.
    const changed = plan.starts.length + plan.resumes.length > 0
    states.show(app, release, formation, changed ? await parts.engine.list(id) : observed)
  }
  const tidy = await releaseFolders(acting, id, wanted)
  return tidy && routed && plan.starts.length + plan.resumes.length + plan.retires.length === 0
}

/** Of what only one group may have, the one that a dead kernel left half started ends first. */
async function mustWait(
  { parts }: Acting,
  app: App,
  { starts, resumes }: GroupPlan,
  wanted: readonly Place[],
): Promise<boolean> {
  if (starts.length + resumes.length === 0) return false
  const needed = new Set(wanted.map(placeKey))
  const others = (await parts.engine.list(app.id)).filter(
    (one) => ['running', 'restarting'].includes(one.state) && !needed.has(placeKey(one)),
  )
  return others.length > 0 && stopsFirst(parts, app)
}

interface Serving {
  readonly app: App
  readonly release: Release
  readonly formation: Formation
}

/** Starts what is missing or stands still. Requests come to it once it is checked, which takes as long as it takes. */
async function revive(acting: Acting, serving: Serving, plan: GroupPlan, signal: AbortSignal): Promise<void> {
  const { parts, readiness } = acting
  for (const container of plan.resumes) {
    readiness.fell(container.id)
    parts.journal.record(startedAgain(serving.app, container))
    parts.log.info('rollout.resumed', { app: container.app, process: container.process, index: container.index })
    await resume(acting, container)
  }
  if (plan.starts.length > 0) {
    parts.log.info('rollout.restored', { app: serving.app.id, places: plan.starts.length })
    for (const place of plan.starts) parts.journal.record(startedAgain(serving.app, place))
    await restoreGroup(acting, { ...serving, places: plan.starts })
  }
  await attend(acting, serving.app, serving.release, signal)
}

function startedAgain(app: App, place: Place): Happened {
  return { kind: 'container', app, text: `${placeName(place)} of ${app.name} was missing, and is started again.` }
}

async function resume({ parts }: Acting, container: ObservedContainer): Promise<void> {
  try {
    await parts.groups.prepare(container)
    await parts.engine.start(container.id)
    // Whoever started it first may not have come to this.
    await parts.engine.keep(container.id)
  } catch (error) {
    // What cannot be started again, for instance because its network was removed, is replaced by a new one.
    parts.log.error('rollout.not-resumed', error, { app: container.app, container: container.id })
    await parts.engine.remove(container.id)
  }
}

/** Has every running web container checked that may not get requests yet and that nobody is checking. */
export async function attend(acting: Acting, app: App, release: Release, signal: AbortSignal): Promise<void> {
  const { parts, readiness, targets } = acting
  const waiting = (await parts.engine.list(app.id)).filter(
    (one) => one.group === app.group && one.port !== null && one.state === 'running' && readiness.unattended(one.id),
  )
  if (waiting.length === 0) return
  const host = await hostOf(parts, app)
  for (const container of waiting) {
    readiness.watch(container, {
      host,
      checks: { ...release.checks, timeout: Number.POSITIVE_INFINITY },
      signal,
      wait: parts.engine.wait,
      onReady: () => {
        targets.refresh(app.id).catch((error) => parts.log.error('rollout.not-routed', error, { app: app.id }))
      },
    })
  }
}

/** The only place where an address that once served becomes free: its container is gone, and the proxy knows. */
async function freeAddresses({ parts }: Acting, id: string, wanted: readonly Place[]): Promise<void> {
  const used = new Set(wanted.map(placeKey))
  const left = (await parts.store.addresses.list(id)).filter((row) => !used.has(placeKey(row)))
  if (left.length === 0) return
  for (const container of await parts.engine.list(id)) used.add(placeKey(container))
  const free = left.filter((row) => !used.has(placeKey(row))).map((row) => row.host)
  if (free.length > 0) await parts.store.addresses.release(id, free)
}
