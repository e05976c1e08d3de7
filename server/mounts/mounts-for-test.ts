/** For tests only, as root: a shared mount like the one that the installation makes. */
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export async function sharedMount() {
  const folder = await mkdtemp(join(tmpdir(), 'mp-mounts-'))
  await run('mount', ['--bind', folder, folder])
  await run('mount', ['--make-private', folder])
  await run('mount', ['--make-shared', folder])
  return {
    folder,
    mount: (...words: readonly string[]) => run('mount', words),
    unmount: (path: string) => run('umount', [path]),
    /** Nothing below is deleted while something is mounted there. */
    async close() {
      const mounts = (await readFile('/proc/self/mountinfo', 'utf8'))
        .split('\n')
        .map((line) => line.split(' ')[4] ?? '')
      const own = mounts.filter((path) => path === folder || path.startsWith(`${folder}/`))
      for (const path of own.reverse()) await run('umount', ['--lazy', path])
      await rm(folder, { recursive: true })
    },
  }
}
