/** The changes that need no release: `ps:*` enters at rollout, names and what requests meet at route. */

import { type App, type Formation, type ProcessScale, scaleOf } from '../domain/app.ts'
import { addressOf } from '../domain/claims.ts'
import type { Operation } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Asker, Change, Changes, Parts } from './change.ts'
import { createDomainChanges } from './domains.ts'
import { createRequestChanges } from './requests.ts'
import { createRouted } from './routed.ts'
import { createVolumeChanges } from './volumes.ts'

export function createLateChanges(
  parts: Parts,
  changes: Changes,
  serving: (app: App) => Promise<Release>,
  /** Builds again what is gone of the release's images. */
  withImages: (app: App, release: Release, job: RunningJob) => Promise<Release>,
) {
  const { store, journal, repositories, rollout, routes, attachments } = parts
  const { run, planned } = changes
  const ready = async (app: App, job: RunningJob) => withImages(app, await serving(app), job)
  const volumeChanges = createVolumeChanges(parts, changes, ready)
  const routed = createRouted(parts)

  async function plan(app: App, kind: 'deploy' | 'scale', formation: Formation): Promise<Change> {
    return planned(app, await rollout.plan(app, await serving(app), formation, kind))
  }

  return {
    ...volumeChanges,
    ...createDomainChanges(parts, changes, routed),
    ...createRequestChanges(parts, routed),

    /** An app without a release: its name answers 503, a moment later. Nobody waits for that. */
    async create(name: string, actor: string): Promise<App> {
      const app = await store.apps.create(name, actor)
      journal.record({ kind: 'app', app, text: `${name} was created by ${actor}.` })
      void routed.published().catch(() => {})
      return app
    },

    /** A new memory limit needs fresh containers; a new number of them does not. */
    async scale(app: App, scales: Scales, asker: Asker, dryRun: boolean): Promise<Change> {
      const kind = Object.values(scales).some(({ memory }) => memory !== undefined) ? 'deploy' : 'scale'
      const runs = (one: App) => one.release !== null && !one.stopped
      const formation = async () => merged(await store.formations.get(app.id), scales)
      if (dryRun) return runs(app) ? plan(app, kind, await formation()) : planned(app, [])
      return run(kind === 'deploy' ? 'limit' : 'scale', app, asker, async (job, now) => {
        const wanted = await formation()
        await volumeChanges.checkExclusive(now, wanted)
        // A rollout stores the formation with the switch.
        if (runs(now)) await rollout[kind](now, await ready(now, job), wanted, job)
        else await store.formations.set(app.id, wanted)
        const scale = Object.entries(wanted).map(([type, { quantity }]) => `${type}=${quantity}`)
        return { result: `${app.name} is scaled to ${scale.join(' ')}.` }
      })
    },

    /** A fresh group of the release that serves: `ps:restart`, and `ps:start` after a stop. */
    async restart(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      const release = await serving(app)
      if (dryRun) return plan(app, 'deploy', await store.formations.get(app.id))
      return run(app.stopped ? 'start' : 'restart', app, asker, async (job, now) => {
        job.emit(`-----> Starting ${app.name} v${release.version}`)
        await rollout.deploy(now, await ready(now, job), await store.formations.get(app.id), job)
        return { result: `${app.name} runs, all processes fresh.` }
      })
    },

    /** What should run and does not: its images are built again if they are gone, and what is missing is started. */
    async revive(app: App, asker: Asker): Promise<Change> {
      return run('revive', app, asker, async (job, now) => {
        const release = await ready(now, job)
        const formation = await store.formations.get(app.id)
        try {
          // Of a database that is back from its backup it has none. Containers that run would not hear of it.
          const fresh = await attachments.logins.prepare(now, release, job)
          await rollout[fresh ? 'deploy' : 'scale'](now, release, formation, job)
        } catch (error) {
          await attachments.logins.withdraw(now).catch(() => {})
          void attachments.attend()
          throw error
        }
        return { result: `${app.name} v${release.version} runs.`, release: release.version }
      })
    },

    async stop(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      if (dryRun) return planned(app, await rollout.plan(app, null, {}, 'stop'))
      return run('stop', app, asker, async (job, now) => {
        await rollout.stop(now, job)
        return { result: `${app.name} is stopped; its addresses answer 503.` }
      })
    },

    async destroy(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      await attachments.links.unused(app)
      const hosts = (await store.domains.ofApp(app.id)).map(addressOf)
      const last: Operation[] = hosts.map((host) => ({ do: 'remove-route', host, app: app.name }))
      last.push({ do: 'destroy', what: app.name })
      if (dryRun) return planned(app, [...(await rollout.plan(app, null, {}, 'destroy')), ...last])
      return run('destroy', app, asker, async (job, now) => {
        await attachments.links.unused(now)
        job.commit()
        await rollout.destroy(now, job)
        // The row goes last: a destroy that was interrupted can be typed again.
        const kept = [...new Set((await store.attachments.ofApp(app.id)).map(({ database }) => database))]
        await repositories.remove(app.id)
        await store.apps.destroy(app.id)
        // Its logins end now, or when their server is back.
        await attachments.attend()
        await attachments.links.publish().catch(() => {})
        await routes.forget(app.id).catch(() => {})
        for (const operation of last) job.did(operation)
        const stays = kept.length > 0 ? ` Detached and kept: ${kept.join(', ')}.` : ''
        return { result: `${app.name} is gone.${stays}` }
      })
    },

    async rename(app: App, name: string, asker: Asker): Promise<Change> {
      return run('rename', app, asker, async () => {
        await store.apps.rename(app.id, name)
        const late = await routed.acceptedOr(() => store.apps.rename(app.id, app.name))
        return { result: `${app.name} is now ${name}.${late}` }
      })
    },
  }
}

type Scales = Readonly<Record<string, Partial<ProcessScale>>>

function merged(formation: Formation, scales: Scales): Formation {
  const changed = Object.entries(scales).map(([type, scale]) => [type, { ...scaleOf(formation, type), ...scale }])
  return { ...formation, ...Object.fromEntries(changed) }
}
