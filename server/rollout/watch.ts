/** The loop that keeps the world as it should be: everything at the start and after a gap, then what events are about. */
import type { ObservedContainer } from '../domain/container.ts'
import { messageOf } from '../errors.ts'
import type { Acting } from './acting.ts'
import { inParallel } from './lock.ts'
import { attend } from './reconcile.ts'

/** Milliseconds between looks that need no event: one list, compared with the last one. */
const glancePause = 30_000
/** Containers younger than this (ms) when the kernel starts may still be on their way up. */
const youngAge = 10_000

export async function watch(
  acting: Acting,
  reconcile: (app: string) => Promise<boolean>,
  signal: AbortSignal,
): Promise<void> {
  const { parts, readiness, targets } = acting
  const events = parts.engine.events(signal)
  const prints = new Map<string, string>()
  let certain = Date.now() - youngAge
  let first = true

  /** Nothing that is in reach is left out because another app fails. */
  async function look(app: string): Promise<void> {
    const settled = await reconcile(app).catch((error) => {
      parts.log.error('rollout.not-reconciled', error, { app })
      return false
    })
    if (!settled) prints.set(app, 'unsettled')
  }

  async function lookAtAll(): Promise<void> {
    await parts.firewall.apply()
    if (first) await removeOneOff(acting)
    const [apps, observed] = await Promise.all([parts.store.apps.list(), parts.engine.list()])
    await Promise.all(inParallel(8, observed, (one) => doubt(acting, one, certain)))
    if (first) await targets.refreshAll(apps, observed)
    first = false
    const ids = new Set([...apps, ...observed.map(({ app }) => ({ id: app }))].map(({ id }) => id))
    await Promise.all(inParallel(4, [...ids], look))
  }

  async function glance(): Promise<void> {
    if (first) return lookAtAll()
    const now = fingerprints(await parts.engine.list())
    for (const app of new Set([...prints.keys(), ...now.keys()])) {
      const print = now.get(app) ?? ''
      if (prints.get(app) === print) continue
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
          tell(targets.refresh(event.app))
          tell(look(event.app))
          break
        case 'started':
          if (readiness.unattended(event.id)) tell(attendNow(acting, event.app, signal))
          tell(look(event.app))
          break
        case 'removed':
          readiness.forget(event.id)
          tell(targets.refresh(event.app))
          tell(look(event.app))
          break
      }
    }
  } finally {
    clearInterval(timer)
  }
}

/** What a kernel that died had begun to run for somebody. */
async function removeOneOff({ parts }: Acting): Promise<void> {
  for (const { id, name } of await parts.engine.listOneOff()) {
    parts.log.info('rollout.leftover-removed', { container: name })
    await parts.engine.remove(id)
  }
}

/** A container that was started while nobody listened has to be checked before it gets requests. */
async function doubt({ parts, readiness }: Acting, container: ObservedContainer, certain: number): Promise<void> {
  if (container.port === null || container.state !== 'running' || !readiness.ready(container.id)) return
  const details = await parts.engine.inspect(container.id)
  if (details && Date.parse(details.startedAt) > certain) readiness.fell(container.id)
}

/** Without waiting for a job that acts on the app: a container that came back serves while the job goes on. */
async function attendNow(acting: Acting, id: string, signal: AbortSignal): Promise<void> {
  const { apps, releases } = acting.parts.store
  const app = await apps.byId(id)
  const release = app && app.release !== null ? await releases.get(id, app.release) : null
  if (app && release) await attend(acting, app, release, signal)
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
