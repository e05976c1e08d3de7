/**
 * Which apps an app may call: it becomes a release, which knows their names; the way there is open as long as it is noted.
 */

import type { App } from '../domain/app.ts'
import { type LinkReference, linkHost, linkVariable } from '../domain/link.ts'
import { describe, type Operation } from '../domain/operation.ts'
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
} from './change.ts'

interface Linking {
  readonly next: readonly LinkReference[]
  readonly description: string
  readonly operation: Operation
}

export function createLinkChanges(
  { store, attachments }: Parts,
  changes: Changes,
  { serving, plan }: Stages,
  changed: Changed,
) {
  async function run(
    kind: 'link' | 'unlink',
    app: App,
    asker: Asker,
    { restart, dryRun }: Options,
    choose: (now: App) => Promise<Linking>,
  ): Promise<Change> {
    if (!dryRun)
      return changes.run(kind, app, asker, async (job, now) => linked(now, asker, job, restart, await choose(now)))
    const { description, operation } = await choose(app)
    if (app.release === null || !restart) return changes.planned(app, [operation])
    const rolling = await plan(app, await serving(app), description)
    const own = [describe(operation)]
    return { ...rolling, operations: kind === 'link' ? own.concat(rolling.operations) : rolling.operations.concat(own) }
  }

  async function linked(app: App, asker: Asker, job: RunningJob, restart: boolean, linking: Linking): Promise<Outcome> {
    const { next, description, operation } = linking
    const [config, saved] = await Promise.all([store.config.get(app.id), store.attachments.ofApp(app.id)])
    const input = { config, attachments: saved, links: next, description }
    const version = await changed(app, asker, job, restart, input)
    // Saved once they serve: what could not be rolled out is not open either. A release had its way opened before.
    await attachments.links.replace(app, next)
    if (version === null || operation.do === 'close') job.did(operation)
    return outcome(description, version)
  }

  return {
    /** `name`: what the app calls it by; the name of the target when null. */
    link(app: App, target: App, name: string | null, asker: Asker, options: Options): Promise<Change> {
      return run('link', app, asker, options, async (now) => {
        const had = await store.links.ofApp(app.id)
        const link = await attachments.links.choose(now, had, target, name)
        const description = `Link ${target.name} as ${linkVariable(link)}`
        const operation: Operation = { do: 'open', host: linkHost(link), app: now.name, target: target.name }
        return { next: [...had, link], description, operation }
      })
    },

    /** Closed as soon as the release without it serves; with `restart` false at once. */
    unlink(app: App, target: App, asker: Asker, options: Options): Promise<Change> {
      return run('unlink', app, asker, options, async (now) => {
        const had = await store.links.ofApp(app.id)
        const gone = attachments.links.pick(now, had, target)
        const description = `Unlink ${target.name} (${linkVariable(gone)})`
        const operation: Operation = { do: 'close', host: linkHost(gone), app: now.name, target: target.name }
        return { next: had.filter((one) => one !== gone), description, operation }
      })
    },
  }
}
