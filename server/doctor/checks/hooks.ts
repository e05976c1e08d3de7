/** What sshd and git call: programs that sshd only runs when root alone can change them. */
import { readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { check, type Finding } from '../check.ts'

export interface HookFacts {
  readonly path: string
  readonly mode: number
  readonly rootOwned: boolean
  /** Somebody else starts it. The others are only read. */
  readonly runs: boolean
}

/** Without these nobody comes in and nobody pushes. */
const needed = ['forced-command', 'pre-receive']

export const hooks = check<HookFacts[]>({
  name: 'hooks',
  about: 'The hooks',
  remedy: (commands) => commands.checkout('install'),
  async probe({ config }) {
    const folder = join(await realpath(config.program), 'hooks')
    const names = new Set([...(await readdir(folder).catch(() => [])), ...needed])
    const above: string[] = []
    for (let path = folder; path !== '/'; path = dirname(path)) above.push(path)
    const files = [...names].map((name) => join(folder, name))
    return Promise.all([
      ...above.map((path) => facts(path, false)),
      ...files.map((path) => facts(path, isStarted(path))),
    ])
  },
  judge: (files, commands) => files.flatMap((file) => judge(file, commands.checkout('install'))),
})

/** The others are read by them. */
const isStarted = (path: string) => !basename(path).includes('.')

async function facts(path: string, runs: boolean): Promise<HookFacts> {
  const found = await stat(path).catch(() => null)
  return { path, mode: found ? found.mode & 0o777 : 0, rootOwned: found?.uid === 0, runs }
}

function judge({ path, mode, rootOwned, runs }: HookFacts, reinstall: string): Finding[] {
  const severity = 'error'
  if (mode === 0)
    return [
      {
        severity,
        problem: `${path} is not there: nobody can push. In a copy of MegapolOS’s repository, install it again.`,
        fix: reinstall,
      },
    ]
  if (!rootOwned || (mode & 0o022) !== 0)
    return [
      {
        severity,
        problem: `${path} can be changed by others than root (mode ${mode.toString(8)}), so sshd refuses to run what is in it.`,
        fix: `chown root: ${path} && chmod go-w ${path}`,
      },
    ]
  if (!runs || (mode & 0o111) === 0o111) return []
  return [{ severity, problem: `${path} cannot be run (its mode is ${mode.toString(8)}).`, fix: `chmod 755 ${path}` }]
}
