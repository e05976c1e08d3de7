/** The loop that keeps the world as it should be: everything at the start and after a gap, then what events are about. */
import type { App } from '../domain/app.ts'
import type { ObservedContainer } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import { messageOf } from '../errors.ts'
import type { Acting } from './acting.ts'
import { createCrashes } from './crashes.ts'
import { hostOf } from './group.ts'
import { check } from './health.ts'
import { inParallel } from './lock.ts'
import { attend } from './reconcile.ts'

/** Milliseconds between looks that need no event: one list, compared with the last one. */
const glancePause = 30_000
const settlePause = 1_000
/** Containers younger than this (ms) when the kernel starts may still be on their way up. */
const youngAge = 10_000

export interface WatchInput {
  readonly reconcile: (app: string) => Promise<void>
  /** Apps of which something could not be done, or is still to be seen. */
  readonly unsettled: ReadonlySet<string>
  readonly removeLeftOvers: () => Promise<void>
}

export async function watch(
  acting: Acting,
  { reconcile, unsettled, removeLeftOvers }: WatchInput,
  signal: AbortSignal,
): Promise<void> {
  const { parts, readiness, targets } = acting
  const events = parts.engine.events(signal)
  const crashes = createCrashes(acting)
  const prints = new Map<string, string>()
  let certain = Date.now() - youngAge
  let first = true

  /** Nothing that is in reach is left out because another app fails. */
  async function look(app: string): Promise<void> {
    await reconcile(app).catch((error) => parts.log.error('rollout.not-reconciled', error, { app }))
  }

  async function lookAtAll(): Promise<void> {
    tell(removeLeftOvers())
    await parts.firewall.apply()
    const [apps, observed] = await Promise.all([parts.store.apps.list(), parts.engine.list()])
    await Promise.all(inParallel(8, observed, (one) => doubt(acting, one, certain, signal)))
    if (first) {
      first = false
      // The routes know them from now on, and push them until the proxy takes them.
      await targets
        .refreshAll(apps, observed)
        .catch((error) => parts.log.warn('rollout.not-routed', { reason: messageOf(error) }))
    }
    const left = [...observed, ...parts.groups.of()].map(({ app }) => app)
    const ids = new Set([...apps.map(({ id }) => id), ...left])
    await Promise.all(inParallel(4, [...ids], look))
  }

  async function glance(): Promise<void> {
    if (first) return lookAtAll()
    const now = fingerprints(await parts.engine.list())
    for (const app of new Set([...prints.keys(), ...now.keys(), ...unsettled])) {
      const print = now.get(app) ?? ''
      if (prints.get(app) === print && !unsettled.has(app)) continue
      prints.set(app, print)
      await look(app)
    }
  }

  const tell = (work: Promise<unknown>) =>
    void work.catch((error) => signal.aborted || parts.log.warn('rollout.look-failed', { reason: messageOf(error) }))
  const timer = setInterval(() => tell(glance()), glancePause)
  tell(lookAtAll())
  try {
    for await (const event of events) {
      switch (event.kind) {
        case 'disconnected':
          certain = Date.now()
          parts.log.warn('engine.disconnected')
          break
        case 'reconnected':
          parts.log.info('engine.reconnected')
          tell(lookAtAll())
          break
        case 'died':
          readiness.fell(event.id)
          tell(crashes.ended(event.id, event.app, event.exitCode ?? 0))
          tell(targets.refresh(event.app))
          tell(look(event.app))
          // The engine tells before its list says so; whether it starts it again itself is known a moment later.
          setTimeout(() => signal.aborted || tell(look(event.app)), settlePause)
          break
        case 'started':
          if (readiness.unattended(event.id)) tell(attendNow(acting, event.app, signal))
          tell(look(event.app))
          break
        case 'removed':
          readiness.forget(event.id)
          crashes.forget(event.id)
          tell(targets.refresh(event.app))
          // It may have stood in another one's way as well: at its address, for instance.
          for (const app of new Set([event.app, ...unsettled])) tell(look(app))
          break
      }
    }
  } finally {
    clearInterval(timer)
  }
}

/**
 * A container that was started while nobody listened may not be up yet. It is asked before the routes are touched: one
 * that answers must not lose a single request for it.
 */
async function doubt(
  acting: Acting,
  container: ObservedContainer,
  certain: number,
  signal: AbortSignal,
): Promise<void> {
  const { parts, readiness } = acting
  const { id, address, port } = container
  if (port === null || container.state !== 'running' || !readiness.ready(id)) return
  const details = await parts.engine.inspect(id)
  if (!details || Date.parse(details.startedAt) <= certain) return
  const serving = await servingRelease(acting, container.app)
  if (!serving) return
  const [app, release] = serving
  const host = await hostOf(parts, app)
  const checks = { ...release.checks, timeout: 1 }
  const verdict = await check({ address, port, host, checks, signal, ended: new Promise(() => {}) })
  if (!verdict.healthy) readiness.fell(id)
}

/** Without waiting for a job that acts on the app: a container that came back serves while the job goes on. */
async function attendNow(acting: Acting, id: string, signal: AbortSignal): Promise<void> {
  const serving = await servingRelease(acting, id)
  if (serving) await attend(acting, ...serving, signal)
}

async function servingRelease({ parts: { store } }: Acting, id: string): Promise<[App, Release] | null> {
  const app = await store.apps.byId(id)
  const release = app && app.release !== null ? await store.releases.get(id, app.release) : null
  return app && release ? [app, release] : null
}

function fingerprints(observed: readonly ObservedContainer[]): Map<string, string> {
  const parts = Map.groupBy(observed, ({ app }) => app)
  return new Map(
    [...parts].map(([app, own]) => [
      app,
      own
        .map(({ id, state }) => `${id} ${state}`)
        .sort()
        .join(),
    ]),
  )
}
