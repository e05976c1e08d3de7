/** What a backup of the state says about repositories: which commits it needs to have. */
import type { App } from '../domain/app.ts'
import type { Release } from '../domain/release.ts'
import { readBackup } from './backup-file.ts'

export type BackedUpApp = Pick<App, 'id' | 'name' | 'branch'> & {
  /** Of its releases, oldest first. */
  readonly commits: readonly Release['commit'][]
}

/** From the file, not from the store: the store has gone on since. */
export function appsInBackup(path: string): BackedUpApp[] {
  const served = `SELECT app, "commit" FROM releases WHERE state = 'served' ORDER BY app, version`
  const releases = Map.groupBy(readBackup(path, served), ({ app }) => String(app))
  return readBackup(path, 'SELECT id, name, branch FROM apps ORDER BY name').map(({ id, name, branch }) => ({
    id: String(id),
    name: String(name),
    branch: branch as string | null,
    commits: (releases.get(String(id)) ?? []).map(({ commit }) => String(commit)),
  }))
}
