/** Files that are root's secret alone. */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { check } from '../check.ts'

export interface SecretFile {
  readonly path: string
  readonly mode: number
  /** Owned by root; the user of the stores has its own files. */
  readonly rootOwned: boolean
}

export const keys = check<SecretFile[]>({
  name: 'keys',
  about: 'The key files',
  remedy: (commands) => commands.installer('status'),
  async probe({ config: { home, paths } }) {
    const found = await Promise.all(
      [paths.keys, join(home, 'sshd')].map(async (folder) => {
        const names = await readdir(folder).catch(() => [])
        return [folder, ...names.filter((name) => !name.endsWith('.pub')).map((name) => join(folder, name))]
      }),
    )
    return (await Promise.all(found.flat().map(facts))).flat()
  },
  judge: (files) => files.flatMap(judge),
})

async function facts(path: string): Promise<SecretFile[]> {
  const found = await stat(path).catch(() => null)
  // The configuration of sshd holds no secret.
  if (!found || path.endsWith('/sshd_config') || path.endsWith('/drop-in')) return []
  return [{ path, mode: found.mode & 0o777, rootOwned: found.uid === 0 }]
}

function judge({ path, mode, rootOwned }: SecretFile) {
  const severity = 'error' as const
  if (!rootOwned)
    return [{ severity, problem: `${path} does not belong to root.`, fix: `chown root: ${path} && chmod go= ${path}` }]
  if ((mode & 0o077) === 0) return []
  const problem = `${path} can be read by others than root (its mode is ${mode.toString(8)}).`
  return [{ severity, problem, fix: `chmod go= ${path}` }]
}
