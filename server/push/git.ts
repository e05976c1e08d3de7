/** git as a process of the user that owns the repositories: it refuses those of another one. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Account } from './account.ts'

export type GitProcess = ChildProcessByStdio<Writable, Readable, Readable>

export interface Git {
  start(args: readonly string[], input?: string): GitProcess
  /** What it printed; rejects with what it said when it fails. */
  output(args: readonly string[], input?: string): Promise<string>
}

export function createGit(folder: string, account: Account): Git {
  const start: Git['start'] = (args, input = '') => {
    const child = spawn('git', args, {
      ...account,
      cwd: folder,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    // One that reads nothing may be gone before it was written to.
    child.stdin.on('error', () => {}).end(input)
    return child
  }
  return {
    start,
    async output(args, input) {
      const child = start(args, input)
      const [said] = await Promise.all([text(child.stdout), finished(child)])
      return said
    },
  }
}

/** The end of its output alone does not say that all of it came. */
export function finished(child: GitProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr.on('data', (chunk) => (said += chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`${child.spawnargs.slice(0, 4).join(' ')} ended with ${code}: ${said.trim()}`)),
    )
  })
}
