/** Decides about a push before anything is built: is it one branch, the right one, and still where the pusher saw it? */
import type { App } from '../domain/app.ts'
import { UserError } from '../errors.ts'
import { noCommit } from './repositories.ts'

/** What git's pre-receive hook was told, and the tree that it sent along. */
export interface Push {
  readonly ref: string
  readonly old: string
  readonly new: string
  readonly tree: string
}

const commit = /^[0-9a-f]{40}$/

/** Throws `refused` with the sentence for the pusher; returns the branch. */
export function acceptable(push: Push, app: Pick<App, 'name' | 'branch'>): string {
  if (!commit.test(push.old) || !commit.test(push.new))
    throw new UserError('usage', 'Only repositories with SHA-1 commit names can be pushed.')
  const branch = /^refs\/heads\/(.+)$/.exec(push.ref)?.[1]
  if (!branch)
    throw new UserError(
      'refused',
      `${push.ref} is not a branch; only branches are deployed.`,
      `Push one: git push megapolos HEAD:${app.branch ?? 'main'}`,
    )
  if (push.new === noCommit) {
    throw new UserError(
      'refused',
      `Deleting ${branch} would leave ${app.name} without its source.`,
      `To remove the app: ssh megapolos apps:destroy ${app.name} --confirm ${app.name}`,
    )
  }
  if (app.branch !== null && app.branch !== branch) {
    throw new UserError(
      'refused',
      `${app.name} deploys ${app.branch}, not ${branch}.`,
      `To deploy this branch: git push megapolos ${branch}:${app.branch}`,
    )
  }
  return branch
}

/** Two pushes from one parent must not both deploy: on its turn a push is checked against what the ref is by then. */
export function unmoved(push: Push, now: string, branch: string): void {
  if (now === push.old) return
  const moved = push.old === noCommit ? 'was created' : `moved from ${push.old.slice(0, 7)} to ${now.slice(0, 7)}`
  throw new UserError(
    'refused',
    `${branch} ${moved} while this push waited.`,
    'Fetch it and push again: git pull --rebase megapolos',
  )
}
