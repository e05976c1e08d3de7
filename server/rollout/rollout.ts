/** The stage that turns a release into running containers that requests reach, without losing one. */
import type { App, Formation } from '../domain/app.ts'
import type { Operation } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import type { RunningJob } from '../jobs/queue.ts'

export interface Rollout {
  /**
   * Starts a new group of this release beside the old one, checks every process type, commits the job, switches the
   * routes once and retires the old group in the background. Throws `refused` with the cause, and nothing has changed.
   * `beforeSwitch` runs after the checks and before the switch.
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
  /** Makes one app what it should be; safe at any time. A job that runs for the app makes it wait. */
  reconcile(app: string): Promise<void>
  /** Looks at everything once, then follows the engine's events until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void>
}

/** The routes, as a rollout needs them; `route/` implements it. */
export interface Traffic {
  /** By id: requests for this app go to these `address:port` from now on; none means 503. Resolves when the proxy uses them. */
  switchTo(app: string, targets: readonly string[]): Promise<void>
  /** The same for all apps at once, when the kernel starts: until then the proxy keeps the table that it has. */
  switchAll(targets: Readonly<Record<string, readonly string[]>>): Promise<void>
  /** Requests that each target still serves. */
  inflight(targets: readonly string[]): Promise<Readonly<Record<string, number>>>
  /** Throws `unavailable` when the proxy does not answer. */
  ready(): Promise<void>
}
