/** The stage that numbers what is to run: images and commands, with the config vars and attachments of this moment. */
import type { App } from '../domain/app.ts'
import type { Release } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import type { Releases } from '../state/store.ts'

/** What a release takes from a build, or from the release before it. */
export type Content = Pick<Release, 'commit' | 'tree' | 'build' | 'processes' | 'hardened' | 'checks'>

export interface ReleaseInput {
  readonly app: App
  readonly content: Content
  readonly config: Readonly<Record<string, string>>
  readonly attachments: Release['attachments']
  readonly links: Release['links']
  readonly description: string
  readonly actor: string
}

/** Stored as pending; `discard` takes it back until a rollout made it serve. */
export function release(releases: Pick<Releases, 'create'>, input: ReleaseInput): Promise<Release> {
  const { commit, tree, build, processes, hardened, checks } = input.content
  return releases.create({
    app: input.app.id,
    commit,
    tree,
    build,
    processes,
    hardened,
    checks,
    config: input.config,
    attachments: input.attachments,
    links: input.links,
    description: input.description,
    createdBy: input.actor,
  })
}

/** The release of this version, or without one the release before the one that serves. */
export function rollbackTarget(app: App, releases: readonly Release[], version: number | null): Release {
  const before = releases.find((candidate) => candidate.version < (app.release ?? 0))
  const target = version === null ? before : releases.find((candidate) => candidate.version === version)
  if (target && target.version !== app.release) return target
  const others = `See the others: releases ${app.name}`
  if (version === null) throw new UserError('conflict', `${app.name} has no earlier release to go back to.`)
  if (target) throw new UserError('conflict', `v${version} is the release that serves now.`, others)
  throw new UserError('not-found', `${app.name} has no release v${version}.`, others)
}
