/** Every page by its path; open documents and their live updates find the same function here. */
import { UserError } from '../server/errors.ts'
import type { Ask } from './answers.ts'
import { app } from './app.ts'
import { build, builds } from './builds.ts'
import { devices } from './devices.ts'
import { home } from './home.ts'
import { job, jobs } from './jobs.ts'
import type { Page } from './page.ts'
import { releases } from './releases.ts'

type Draw = (ask: Ask, about: { host: string }, ...names: string[]) => Promise<Page>

const name = '([^/]+)'
const pages: readonly (readonly [RegExp, Draw])[] = [
  [/^\/$/, home],
  [new RegExp(`^/apps/${name}$`), app],
  [new RegExp(`^/apps/${name}/releases(?:/(v\\d{1,9}))?$`), releases],
  [new RegExp(`^/apps/${name}/builds$`), builds],
  [new RegExp(`^/apps/${name}/builds/(\\d{1,9})$`), build],
  [/^\/devices$/, devices],
  [/^\/jobs$/, jobs],
  [/^\/jobs\/(\d{1,9})$/, job],
]

/** Throws what the command that it asks throws, and `not-found` when there is no such page. */
export async function draw(path: string, ask: Ask, about: { host: string }): Promise<Page> {
  for (const [pattern, page] of pages) {
    const found = pattern.exec(path)
    if (found) return page(ask, about, ...found.slice(1).filter((word) => word !== undefined))
  }
  throw new UserError('not-found', 'There is no such page.')
}
