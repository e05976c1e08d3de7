/** What people see of an app, mirrored to whoever watches after each change. */
import { type App, type Formation, scaleOf } from '../domain/app.ts'
import type { ObservedContainer } from '../domain/container.ts'
import { type Release, runningTypes } from '../domain/release.ts'
import type { LiveApp } from '../live/live.ts'
import type { RolloutParts } from './parts.ts'

export interface States {
  deploying(app: App, release: Release, formation: Formation): void
  show(app: App, release: Release | null, formation: Formation, observed: readonly ObservedContainer[]): void
  forget(app: string): void
}

export function createStates({ live, log }: Pick<RolloutParts, 'live' | 'log'>): States {
  const shown = new Map<string, string>()

  function publish(app: App, state: LiveApp): void {
    const text = JSON.stringify(state)
    if (shown.get(app.id) === text || (shown.get(app.id) === forgotten && state.state !== 'deploying')) return
    shown.set(app.id, text)
    live
      .setApp(app.id, state)
      .then(() => {
        live.wake('apps')
        live.wake(`app:${app.id}`)
      })
      .catch((error) => {
        shown.delete(app.id)
        log.error('rollout.state-not-shown', error, { app: app.id })
      })
  }

  return {
    deploying: (app, release, formation) =>
      publish(app, { ...liveApp(app, release, formation, []), state: 'deploying' }),
    show: (app, release, formation, observed) => publish(app, liveApp(app, release, formation, observed)),
    forget(app) {
      shown.set(app, forgotten)
      live.forget(app).catch((error) => log.error('rollout.state-not-forgotten', error, { app }))
    },
  }
}

/** Of an app that is being destroyed: what happens to its containers is not shown any more. */
const forgotten = 'forgotten'

export function liveApp(
  app: App,
  release: Release | null,
  formation: Formation,
  observed: readonly ObservedContainer[],
): LiveApp {
  const types = release ? runningTypes(release) : []
  const processes = Object.fromEntries(
    types.map((type) => [
      type,
      {
        wanted: app.stopped ? 0 : scaleOf(formation, type).quantity,
        running: observed.filter((one) => one.group === app.group && one.process === type && one.state === 'running')
          .length,
      },
    ]),
  )
  const enough = Object.values(processes).every(({ wanted, running }) => running >= wanted)
  const state = release === null ? 'empty' : app.stopped ? 'stopped' : enough ? 'running' : 'degraded'
  return { name: app.name, state, release: app.release, processes }
}
