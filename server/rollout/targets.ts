/** The routes of an app follow its containers: running, checked, of the group that serves, and not about to leave. */
import type { App } from '../domain/app.ts'
import type { ObservedContainer } from '../domain/container.ts'
import { createLocks } from './lock.ts'
import type { RolloutParts } from './parts.ts'

export interface Targets {
  /** Makes the routes of one app what they should be now. May be called at any time, by anyone. */
  refresh(app: string): Promise<void>
  /** The app is about to have no container for a while: its requests wait until a `refresh` finds one, or `release`. */
  hold(app: string): Promise<void>
  /** None may come any more: requests are answered by what there is. */
  release(app: string): Promise<void>
  /** The same for all apps in one go, from a fresh look at everything. */
  refreshAll(apps: readonly App[], observed: readonly ObservedContainer[]): Promise<void>
  forget(app: string): void
}

/** `excluded`: containers that run but must get no requests. */
export function createTargets(
  { engine, store, traffic }: Pick<RolloutParts, 'engine' | 'store' | 'traffic'>,
  excluded: (id: string) => boolean,
): Targets {
  const locked = createLocks()
  const current = new Map<string, string>()
  const held = new Set<string>()

  async function follow(id: string): Promise<void> {
    const app = await store.apps.byId(id)
    const observed = app && serves(app) ? await engine.list(id) : []
    const targets = app ? targetsOf(app, observed, excluded) : []
    if (current.get(id) === targets.join() || (held.has(id) && targets.length === 0)) return
    current.delete(id)
    held.delete(id)
    await traffic.switchTo(id, targets)
    current.set(id, targets.join())
  }

  return {
    // One after the other: a look that began earlier must not be applied later.
    refresh: (id) => locked(id, () => follow(id)),
    hold: (id) =>
      locked(id, async () => {
        held.add(id)
        current.delete(id)
        await traffic.hold(id)
      }),
    release: (id) =>
      locked(id, () => {
        if (held.delete(id)) current.delete(id)
        return follow(id)
      }),
    async refreshAll(apps, observed) {
      const all = Object.fromEntries(apps.map((app) => [app.id, targetsOf(app, observed, excluded)]))
      current.clear()
      held.clear()
      await traffic.switchAll(all)
      for (const [id, targets] of Object.entries(all)) current.set(id, targets.join())
    },
    forget(id) {
      current.delete(id)
      held.delete(id)
    },
  }
}

export function targetsOf(
  app: App,
  observed: readonly ObservedContainer[],
  excluded: (id: string) => boolean,
): string[] {
  if (!serves(app)) return []
  return observed
    .filter((one) => one.app === app.id && one.group === app.group && one.process === 'web')
    .filter((one) => one.state === 'running' && one.port !== null && !excluded(one.id))
    .map((one) => `${one.address}:${one.port}`)
    .sort()
}

function serves(app: App): boolean {
  return app.group !== null && !app.stopped
}
