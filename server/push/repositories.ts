/** Bare repositories, one an app, owned by the user that git runs as; their one hook is ours. */
import { type ChildProcess, spawn } from 'node:child_process'
import { access, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, UserError } from '../errors.ts'
import type { Account } from './account.ts'
import { removeLeftOvers } from './left-overs.ts'

export interface Repositories {
  /** Folder of the app's repository; makes it if it is not there, and removes what a killed git left in it. */
  ensure(app: string): Promise<string>
  /** Removes what killed gits left, in all of them. */
  tidy(): Promise<void>
  /** The commit a ref points at; forty zeros when it does not exist, as git writes it. */
  ref(app: string, ref: string): Promise<string>
  /** Resolves true when the ref has become this commit, false after `timeout` ms. */
  awaitRef(app: string, ref: string, commit: string, timeout: number): Promise<boolean>
  /** The tree of an accepted commit as a tar. */
  archive(app: string, commit: string): Readable
  remove(app: string): Promise<void>
}

/** Bytes of a push; git refuses a larger one before it fills the disk. */
const largestPush = 1024 ** 3

export const noCommit = '0'.repeat(40)

export function createRepositories(folder: string, hooks: string, account: Account): Repositories {
  const underWay = new Map<string, Promise<void>>()
  const path = (app: string) => join(folder, `${app}.git`)

  const git = (args: readonly string[]) =>
    spawn('git', args, {
      ...account,
      cwd: folder,
      env: { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: folder },
      stdio: ['ignore', 'pipe', 'pipe'],
    })

  async function create(repository: string) {
    await finished(git(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', repository]))
    await finished(git(['-C', repository, 'config', 'core.hooksPath', hooks]))
    await finished(git(['-C', repository, 'config', 'receive.maxInputSize', String(largestPush)]))
    await mkdir(join(repository, 'info'), { recursive: true })
    // Without this, `export-ignore` in a user's .gitattributes would leave files out of the build.
    await writeFile(join(repository, 'info/attributes'), '* -export-ignore -export-subst\n')
    await chown(join(repository, 'info'), account.uid, account.gid)
    await chown(join(repository, 'info/attributes'), account.uid, account.gid)
  }

  async function ref(app: string, name: string): Promise<string> {
    const loose = await readFile(join(path(app), name), 'utf8').catch(() => null)
    if (loose !== null) return loose.trim()
    const packed = await readFile(join(path(app), 'packed-refs'), 'utf8').catch(() => '')
    return (
      packed
        .split('\n')
        .find((line) => line.endsWith(` ${name}`))
        ?.slice(0, 40) ?? noCommit
    )
  }

  return {
    ref,
    async ensure(app) {
      const repository = path(app)
      const ready = await access(join(repository, 'info/attributes')).then(
        () => true,
        () => false,
      )
      if (ready) {
        await removeLeftOvers(repository)
        return repository
      }
      // Two first connections at once make it once.
      const making = underWay.get(app) ?? create(repository).finally(() => underWay.delete(app))
      underWay.set(app, making)
      await making
      return repository
    },
    async tidy() {
      for (const name of await readdir(folder)) await removeLeftOvers(join(folder, name))
    },
    async awaitRef(app, name, commit, timeout) {
      // git moves the ref a few milliseconds after its hook ended, and tells nobody.
      for (const deadline = Date.now() + timeout; Date.now() < deadline; await delay(5)) {
        if ((await ref(app, name)) === commit) return true
      }
      return false
    },
    archive: (app, commit) => archive(git(['-C', path(app), 'archive', '--format=tar', commit]), commit),
    remove: (app) => rm(path(app), { recursive: true, force: true }),
  }
}

/** Taken from its first moment: Node throws away what nobody reads by the time that a program has ended. */
function archive(child: ChildProcess, commit: string): Readable {
  const end = finished(child)
  end.catch(() => {})
  const output = new PassThrough()
  child.stdout?.pipe(output)
  return Readable.from(whole(output, end, commit))
}

/** The end of the output alone does not say that all of it came. */
async function* whole(output: Readable, end: Promise<void>, commit: string) {
  yield* output
  await end.catch((error) => {
    const why = 'Its pusher was gone before git had kept it, or somebody pruned it.'
    throw new UserError('refused', `${commit.slice(0, 7)} is not in the repository of the app.`, why, [
      messageOf(error),
    ])
  })
}

function finished(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.on('data', (chunk) => (said += chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(`${child.spawnargs.slice(0, 4).join(' ')} ended with ${code}: ${said.trim()}`)),
    )
  })
}
