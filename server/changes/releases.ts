/** The changes that make a release of what was built before: config vars, rollbacks, and what is tied to an app (attach.ts, links.ts). */

import type { App } from '../domain/app.ts'
import { configProblem } from '../domain/config-vars.ts'
import { difference } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import { rollbackTarget } from '../release/release.ts'
import { createAttachChanges } from './attach.ts'
import {
  type Asker,
  type Change,
  type Changed,
  type Changes,
  type Options,
  outcome,
  type Parts,
  type Stages,
} from './change.ts'
import { createLinkChanges } from './links.ts'

export function createReleaseChanges(parts: Parts, changes: Changes, stages: Stages) {
  const { store, attachments } = parts
  const { serving, serve, plan, withImages } = stages

  /** A release with these differences from the one that serves; null where there is none to change, or nobody wants it. */
  const changed: Changed = async (app, asker, job, restart, input) => {
    await attachments.check(input.config, input.attachments, input.links)
    if (app.release === null || !restart) return null
    const content = await withImages(app, await serving(app), job)
    const formation = await store.formations.get(app.id)
    return (await serve({ app, content, ...input, actor: asker.actor }, formation, job)).version
  }

  return {
    /** Null unsets. With a release that serves, the next one is rolled out; when that fails nothing is set. */
    async configure(app: App, vars: Vars, asker: Asker, { restart, dryRun }: Options): Promise<Change> {
      const description = configDescription(vars)
      if (dryRun) {
        return app.release !== null && restart ? plan(app, await serving(app), description) : changes.planned(app, [])
      }
      return changes.run('config', app, asker, async (job, now) => {
        const [before, saved, links] = await Promise.all([
          store.config.get(app.id),
          store.attachments.ofApp(app.id),
          store.links.ofApp(app.id),
        ])
        const config = withVars(before, vars)
        const problem = configProblem(config)
        if (problem)
          throw new UserError('usage', problem, 'Keep what is large in a file of the repository, or a volume.')
        const version = await changed(now, asker, job, restart, { config, attachments: saved, links, description })
        // Saved once they serve: what could not be rolled out is not set either.
        await store.config.set(app.id, vars)
        return outcome(description, version)
      })
    },

    /**
     * The images, commands, config vars, attachments and links of an earlier release, at the scale of now. `without`:
     * databases and apps, which may be gone, that it is to go on without.
     */
    async rollback(
      app: App,
      version: number | null,
      asker: Asker,
      { dryRun, without }: { readonly dryRun: boolean; readonly without: readonly string[] },
    ): Promise<Change> {
      const prepare = async (now: App, emit: (line: string) => void) => {
        const found = rollbackTarget(now, await store.releases.list(app.id), version)
        const kept = found.attachments.filter(({ database }) => !without.includes(database))
        const links = found.links.filter(({ name }) => !without.includes(name))
        const to = { ...found, attachments: kept, links }
        await attachments.links.check(links)
        await attachments.check(to.config, kept, links)
        const lines = difference(await serving(now), to)
        for (const line of lines.length > 0 ? lines : ['no difference but the number']) emit(`       ${line}`)
        return { to, description: `Rollback to v${to.version}` }
      }
      if (dryRun) {
        const { to, description } = await prepare(app, asker.emit)
        return plan(app, to, description)
      }
      return changes.run('rollback', app, asker, async (job, now) => {
        const { to, description } = await prepare(now, job.emit)
        const content = await withImages(now, to, job)
        const { config, attachments: references, links } = to
        const input = { app: now, content, config, attachments: references, links, description, actor: asker.actor }
        const made = await serve(input, await store.formations.get(app.id), job)
        await store.config.replace(app.id, config)
        await store.attachments.replace(app.id, references)
        await attachments.links.replace(now, links)
        return { result: `Rolled back to v${to.version}, as v${made.version}.`, release: made.version }
      })
    },

    ...createAttachChanges(parts, changes, stages, changed),
    ...createLinkChanges(parts, changes, stages, changed),
  }
}

type Vars = Readonly<Record<string, string | null>>

function withVars(config: Readonly<Record<string, string>>, vars: Vars): Record<string, string> {
  const entries = Object.entries({ ...config, ...vars })
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== null))
}

function configDescription(vars: Vars): string {
  const names = (keys: string[]) => {
    const rest = keys.splice(mostNames).length
    return rest === 0 ? keys.join(', ') : `${keys.join(', ')} and ${rest} more`
  }
  const set = Object.keys(vars).filter((key) => vars[key] !== null)
  const unset = Object.keys(vars).filter((key) => vars[key] === null)
  const parts = [
    ...(set.length > 0 ? [`Set ${names(set)}`] : []),
    ...(unset.length > 0 ? [`unset ${names(unset)}`] : []),
  ]
  const text = parts.join(', ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** A description is one line of a list. */
const mostNames = 10
