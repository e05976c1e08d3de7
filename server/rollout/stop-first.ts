/**
 * Of what only one group may have at a time the old one must end before the new one begins. Requests wait in the proxy
 * meanwhile; WebSockets are cut. When the new one does not come up, the old one is started again, and gets them.
 */
import type { App } from '../domain/app.ts'
import { type ObservedContainer, placeName } from '../domain/container.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Acting } from './acting.ts'
import { cancelled, hostOf } from './group.ts'
import { check } from './health.ts'
import { inParallel } from './lock.ts'
import type { RolloutParts } from './parts.ts'
import { operations } from './plan.ts'
import { drained, grace } from './retire.ts'

/** Requests that run longer than this (ms) are cut: others wait for them, and not for ever. */
const drainLimit = 10_000

/** Whether a group of the app must wait for the end of another one. */
export async function stopsFirst({ volumes }: Pick<RolloutParts, 'volumes'>, app: App): Promise<boolean> {
  return app.group !== null && !app.stopped && (await volumes.stopFirst(app.id))
}

/**
 * Holds the requests and stops what runs; returns the stopped containers, for `giveBack`. None of an app whose groups may
 * run side by side. Throws with everything as it was.
 */
export async function makeWay(acting: Acting, app: App, job: RunningJob): Promise<readonly ObservedContainer[]> {
  const { parts, retirement, targets } = acting
  const observed = (await stopsFirst(parts, app)) ? await parts.engine.list(app.id) : []
  if (observed.length === 0) return []
  // Nothing stops for a proxy that could not hold, and would not switch.
  await parts.traffic.ready()
  const old = observed.filter(({ id }) => !retirement.underWay(id))
  retirement.mark(old)
  try {
    job.emit(`       Stopping v${app.release} first; requests wait.`)
    await targets.hold(app.id)
    await Promise.all(observed.map((one) => end(acting, one, job.signal)))
    for (const operation of operations('stop-first', app, { starts: [], retires: old })) {
      if (operation.do !== 'switch') job.did(operation)
    }
    return old
  } catch (error) {
    await giveBack(acting, app, old)
    throw error
  }
}

/** Never rejects: what cannot be started again now, the next look at the app starts. */
export async function giveBack(acting: Acting, app: App, old: readonly ObservedContainer[]): Promise<void> {
  if (old.length === 0) return
  const { parts, retirement, targets } = acting
  try {
    await retirement.reclaim(old)
    const outcomes = await Promise.allSettled(inParallel(4, old, (one) => startAgain(acting, app, one)))
    const failed = outcomes.filter((outcome) => outcome.status === 'rejected')
    for (const { reason } of failed) parts.log.error('rollout.not-given-back', reason, { app: app.id })
    // Requests do not wait for what may never come.
    await (failed.length > 0 ? targets.release(app.id) : targets.refresh(app.id))
  } catch (error) {
    parts.log.error('rollout.not-given-back', error, { app: app.id })
  }
}

async function end({ parts, retirement }: Acting, container: ObservedContainer, signal: AbortSignal): Promise<void> {
  if (retirement.underWay(container.id)) return retirement.begin([container])
  if (!(await drained(parts, container, drainLimit, signal))) throw cancelled()
  await parts.engine.stop(container.id, grace)
}

async function startAgain({ parts, readiness }: Acting, app: App, container: ObservedContainer): Promise<void> {
  const { engine, groups, store } = parts
  const { id, address, port } = container
  readiness.hold(id)
  // What the new group had for itself meanwhile comes back with it.
  await groups.prepare(container)
  await engine.start(id)
  // It may have been stopped before its first start came to this.
  await engine.keep(id)
  const release = port === null ? null : await store.releases.get(app.id, container.release)
  if (release) {
    const leave = new AbortController()
    const { signal } = leave
    const ended = engine.wait(id, signal)
    ended.catch(() => {})
    const asked = { address, port, host: await hostOf(parts, app), checks: release.checks, ended, signal }
    const { healthy } = await check(asked).finally(() => leave.abort())
    if (!healthy) throw new UserError('unavailable', `${placeName(container)} does not answer after its new start.`)
  }
  readiness.admit(id)
}
