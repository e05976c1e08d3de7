/** The stage that turns a release into running containers that requests reach, without losing one. */
import type { App, Formation } from '../domain/app.ts'
import type { Operation } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { apart } from '../steps.ts'
import type { Acting } from './acting.ts'
import { deploy, newGroup, scale } from './deploy.ts'
import { createLocks } from './lock.ts'
import { createOneOff, type OneOff } from './one-off.ts'
import { createOneOffContainers } from './one-off-containers.ts'
import type { RolloutParts } from './parts.ts'
import { needsFreshGroup, operations, planGroup, wantedPlaces } from './plan.ts'
import { createReadiness } from './readiness.ts'
import { reconcile } from './reconcile.ts'
import { releaseTask } from './release-task.ts'
import { createRetirement } from './retire.ts'
import { createStates } from './states.ts'
import { destroy, stop } from './stop.ts'
import { stopsFirst } from './stop-first.ts'
import { createTargets } from './targets.ts'
import { watch } from './watch.ts'

export interface Rollout {
  /**
   * Starts a new group of this release beside the old one, checks every process type, commits the job, switches the
   * routes once and retires the old group in the background. Throws `refused` with the cause, and nothing has changed.
   * Once it is committed it only fails when the store refuses the switch, or says nothing about it for 30 s.
   */
  deploy(app: App, release: Release, formation: Formation, job: RunningJob): Promise<void>
  /** Brings the group that serves to this formation: starts and checks what is missing, then retires what is too much. */
  scale(app: App, release: Release, formation: Formation, job: RunningJob): Promise<void>
  /** Takes the app off its routes (503), then stops its containers. */
  stop(app: App, job: RunningJob): Promise<void>
  /** Removes all containers and the network of an app that is being destroyed. */
  destroy(app: App, job: RunningJob): Promise<void>
  /** What `deploy` (fresh), `scale` or `stop` would do; nothing is done. */
  plan(
    app: App,
    release: Release | null,
    formation: Formation,
    kind: 'deploy' | 'scale' | 'stop' | 'destroy',
  ): Promise<Operation[]>
  /** Runs the release task in a one-off container of the new release; throws `refused` when it fails. */
  releaseTask(app: App, release: Release, job: RunningJob): Promise<void>
  /** Commands beside the app, for people. */
  readonly oneOff: OneOff
  /** Makes one app what it should be; safe at any time. A job that runs for the app makes it wait. */
  reconcile(app: string): Promise<void>
  /** Looks at everything once, then follows the engine's events until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void>
}

export function createRollout(parts: RolloutParts): Rollout {
  const locked = createLocks()
  const closing = new AbortController()
  const readiness = createReadiness()
  const retirement = createRetirement(
    parts,
    readiness,
    again,
    (app) => void locked(app, async () => unsettled.add(app)),
  )
  const targets = createTargets(parts, (id) => retirement.leaving(id) || !readiness.ready(id))
  const oneOffs = createOneOffContainers(parts)
  const acting: Acting = { parts, readiness, retirement, targets, states: createStates(parts), oneOffs, again }
  const waiting = new Map<string, Promise<void>>()
  const unsettled = new Set<string>()

  /** Whoever asks while a look at the app is waiting for its turn shares that one. */
  function look(app: string): Promise<void> {
    const turn =
      waiting.get(app) ??
      locked(app, async () => {
        waiting.delete(app)
        unsettled.add(app)
        if (await reconcile(acting, app, closing.signal)) unsettled.delete(app)
        parts.looked(app)
      })
    waiting.set(app, turn)
    return turn
  }

  function again(app: string): void {
    if (closing.signal.aborted) return
    apart(() => look(app)).catch((error) => parts.log.error('rollout.not-reconciled', error, { app }))
  }

  return {
    deploy: (app, release, formation, job) => locked(app.id, () => deploy(acting, app, release, formation, job)),
    scale: (app, release, formation, job) => locked(app.id, () => scale(acting, app, release, formation, job)),
    stop: (app, job) => locked(app.id, () => stop(acting, app, job)),
    destroy: (app, job) => locked(app.id, () => destroy(acting, app, job)),
    releaseTask: (app, release, job) => releaseTask(parts, oneOffs, app, release, job),
    oneOff: createOneOff(parts, oneOffs),
    reconcile: look,
    watch(signal) {
      signal.addEventListener('abort', () => closing.abort(), { once: true })
      return watch(acting, { reconcile: look, unsettled, removeLeftOvers: oneOffs.removeLeftOvers }, signal)
    },

    async plan(app, release, formation, kind) {
      const observed = (await parts.engine.list(app.id)).filter(({ id }) => !retirement.underWay(id))
      const planFor = (group: string) => planGroup(release ? wantedPlaces(release, formation, group) : [], observed)
      if (kind === 'stop' || kind === 'destroy') return operations(kind, app, planGroup([], observed))
      const scaled = app.group === null ? null : planFor(app.group)
      if (kind === 'scale' && scaled && !needsFreshGroup(scaled, formation)) return operations('scale', app, scaled)
      const stops = observed.length > 0 && (await stopsFirst(parts, app))
      return operations(stops ? 'stop-first' : 'deploy', app, planFor(newGroup()))
    },
  }
}
