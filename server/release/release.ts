/** The stage that numbers what is to run: images and commands, with the config vars of this moment. */
import type { App } from '../domain/app.ts'
import type { Release } from '../domain/release.ts'
import type { Releases } from '../state/store.ts'

/** What a release takes from a build, or from the release before it. */
export type Content = Pick<Release, 'commit' | 'tree' | 'build' | 'processes' | 'hardened' | 'checks'>

export interface ReleaseInput {
  readonly app: Pick<App, 'id'>
  readonly content: Content
  readonly config: Readonly<Record<string, string>>
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
    description: input.description,
    createdBy: input.actor,
  })
}
