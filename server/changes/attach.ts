/** What is attached to an app changes: with a release, or with new logins for the one that serves. */
import { type AttachWishes, ownAlias } from '../attachments/attachments.ts'
import type { Wishes } from '../attachments/logins.ts'
import type { App } from '../domain/app.ts'
import type { AttachmentReference } from '../domain/database.ts'
import type { Device } from '../domain/device.ts'
import type { Operation } from '../domain/operation.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import {
  type Asker,
  type Change,
  type Changed,
  type Changes,
  type Options,
  type Outcome,
  outcome,
  type Parts,
  type Stages,
  timed,
} from './change.ts'

export function createAttachChanges(
  { store, rollout, attachments }: Parts,
  changes: Changes,
  { serving, plan, withImages }: Stages,
  changed: Changed,
) {
  /** The app's attachments become what `choose` makes of them. */
  async function attached(
    app: App,
    asker: Asker,
    job: RunningJob,
    restart: boolean,
    change: { readonly next: readonly AttachmentReference[]; readonly description: string },
  ): Promise<Outcome> {
    const { next, description } = change
    const [config, links] = await Promise.all([store.config.get(app.id), store.links.ofApp(app.id)])
    const version = await changed(app, asker, job, restart, { config, attachments: next, links, description })
    // Saved once they serve: what could not be rolled out is not attached either.
    await store.attachments.replace(app.id, next)
    return outcome(description, version)
  }

  /** The plan of a change of what is attached. */
  async function attachPlan(app: App, restart: boolean, description: string, before: Operation[]): Promise<Change> {
    if (app.release === null || !restart) return changes.planned(app, before)
    return plan(app, await serving(app), description, before)
  }

  return {
    /** `on`: the database is created there first, and is gone again when it cannot be attached. */
    async attach(
      app: App,
      { on, ...wishes }: AttachWishes & { readonly on: Device | null },
      asker: Asker,
      { restart, dryRun }: Options,
    ): Promise<Change> {
      const { database } = wishes
      if (dryRun) {
        const had = await store.attachments.ofApp(app.id)
        const grant: Operation = { do: 'grant', app: app.name, database }
        if (on) return attachPlan(app, restart, `Attach ${database}`, [created(database), grant])
        const { alias } = await attachments.choose(app, had, wishes)
        return attachPlan(app, restart, `Attach ${database} as ${alias}`, [grant])
      }
      return changes.run('attach', app, asker, async (job, now) => {
        if (on) {
          job.emit(`-----> Creating ${database} on ${on.name}`)
          await attachments.databases.create(database, on, asker.actor)
          job.did(created(database))
        }
        try {
          const had = await store.attachments.ofApp(app.id)
          const reference = await attachments.choose(now, had, wishes)
          const description = `Attach ${database} as ${reference.alias}`
          const done = await attached(now, asker, job, restart, { next: [...had, reference], description })
          if (on) await attachments.databases.ready(database)
          return done
        } catch (error) {
          if (on) await attachments.databases.undo(database)
          throw error
        }
      })
    },

    async detach(
      app: App,
      { database, alias }: Pick<AttachWishes, 'database' | 'alias'>,
      asker: Asker,
      { restart, dryRun }: Options,
    ): Promise<Change> {
      const choose = async (now: App) => {
        const had = await store.attachments.ofApp(app.id)
        const gone = attachments.pick(now, had, database, alias)
        return { next: had.filter((one) => one !== gone), description: `Detach ${database} (${gone.alias})` }
      }
      if (dryRun) return attachPlan(app, restart, (await choose(app)).description, [])
      return changes.run('detach', app, asker, async (job, now) =>
        attached(now, asker, job, restart, await choose(now)),
      )
    },

    /** Gives it the alias of its driver, such as DATABASE; what had that gets one of its own name. */
    async promote(app: App, database: string, asker: Asker, { restart, dryRun }: Options): Promise<Change> {
      const choose = async (now: App) => {
        const had = await store.attachments.ofApp(app.id)
        const chosen = had.find((one) => one.database === database) ?? attachments.pick(now, had, database, null)
        const [resolved] = await attachments.resolve([chosen])
        const main = resolved?.template.as ?? chosen.alias
        if (had.some((one) => one.database === database && one.alias === main))
          throw new UserError('conflict', `${database} is ${main} of ${app.name} already.`)
        const next = had.map((one) => {
          if (one === chosen) return { ...one, alias: main }
          return one.alias === main ? { ...one, alias: ownAlias(one.database) } : one
        })
        return { next, description: `Promote ${database} to ${main}` }
      }
      if (dryRun) return attachPlan(app, restart, (await choose(app)).description, [])
      return changes.run('promote', app, asker, async (job, now) =>
        attached(now, asker, job, restart, await choose(now)),
      )
    },

    /** New logins, rolled out; the old ones end when the last container that may use them has. */
    async relogin(app: App, wishes: Wishes, asker: Asker, dryRun = false): Promise<Change> {
      if (dryRun) {
        const grants = (wishes.fresh ?? []).map((database): Operation => ({ do: 'grant', app: app.name, database }))
        const formation = await store.formations.get(app.id)
        return changes.planned(app, [...grants, ...(await rollout.plan(app, await serving(app), formation, 'deploy'))])
      }
      return changes.run('rotate', app, asker, async (job, now) => {
        if (now.release === null) return { result: `${app.name} has no release yet, and so no login.` }
        try {
          const release = await serving(now)
          await attachments.logins.prepare(now, release, job, wishes)
          if (now.stopped) await attachments.logins.switched(now)
          else {
            const images = await withImages(now, release, job)
            const formation = await store.formations.get(app.id)
            job.emit(`-----> Rolling ${app.name} out with its new login`)
            await timed(job, 'rolled out', () => rollout.deploy(now, images, formation, job))
          }
          return { result: `${app.name} has a new login.` }
        } catch (error) {
          // Those that serve already are not touched by it.
          await attachments.logins.withdraw(now).catch(() => {})
          throw error
        } finally {
          void attachments.attend()
        }
      })
    },
  }
}

function created(database: string): Operation {
  return { do: 'create', what: `the database ${database}` }
}
