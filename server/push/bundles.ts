/** A repository as one file, a git bundle: `git clone FILE` reads it anywhere. */
import { createWriteStream, existsSync } from 'node:fs'
import { chmod, chown } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Account } from './account.ts'
import { createGit, finished } from './git.ts'

export interface Pushed {
  readonly id: string
  /** Null when its first push could not write it down. */
  readonly branch: string | null
  readonly commits: readonly string[]
}

export interface Bundles {
  /**
   * Writes the history of these commits (those of releases, oldest first) to `file`, with the branch as it was when the newest
   * of them was pushed: what was pushed since is left out. Returns those that are missing; without any commit there is
   * no file.
   */
  save(app: Pushed, file: string): Promise<{ readonly missing: readonly string[] }>
  /** Fills a repository from such a file. */
  load(repository: string, file: string): Promise<void>
}

/** A release serves a moment before git has taken its objects out of quarantine and moved the branch: `patience` in ms. */
export function createBundles(folder: string, account: Account, patience = 5_000): Bundles {
  const git = createGit(folder, account)

  async function absent(repository: string, commits: readonly string[]): Promise<string[]> {
    const lines = `${commits.join('\n')}\n`
    const said = await git.output(['-C', repository, 'cat-file', '--batch-check=%(objecttype)'], lines)
    return said.split('\n').flatMap((line) => (/ missing$/.exec(line) ? [line.slice(0, 40)] : []))
  }

  async function missing(repository: string, commits: readonly string[]): Promise<string[]> {
    for (const deadline = Date.now() + patience; ; await delay(100)) {
      // It is a look that began after the deadline that decides, however long looks take.
      const late = Date.now() > deadline
      const found = await absent(repository, commits)
      if (found.length === 0 || late) return found
    }
  }

  async function branches(repository: string): Promise<[string, string][]> {
    const said = await git.output(['-C', repository, 'for-each-ref', '--format=%(objectname) %(refname)', 'refs/heads'])
    return said.split('\n').flatMap((line) => (line ? [[line.slice(41), line.slice(0, 40)]] : []))
  }

  return {
    async save({ id, branch, commits }, file) {
      const repository = join(folder, `${id}.git`)
      if (commits.length === 0 || !existsSync(repository)) return { missing: commits }
      const gone = await missing(repository, commits)
      const kept = commits.filter((commit) => !gone.includes(commit))
      const pushed = [...new Set(kept)].at(-1)
      if (!pushed) return { missing: gone }
      const tips = new Map(await branches(repository))
      if (tips.size === 0) tips.set(`refs/heads/${branch ?? 'main'}`, pushed)
      const refs = [...tips].map(([ref, tip]) => `${kept.includes(tip) ? tip : pushed} ${ref}\n`)
      const packing = git.start(
        [
          '-C',
          repository,
          '-c',
          'pack.threads=1',
          'pack-objects',
          '--quiet',
          '--revs',
          '--stdout',
          '--delta-base-offset',
        ],
        `${kept.join('\n')}\n`,
      )
      // Taken from its first moment: Node throws away what nobody reads by the time that a program has ended.
      const pack = packing.stdout.pipe(new PassThrough())
      const bundle = prefixed(`# v2 git bundle\n${refs.join('')}\n`, pack)
      try {
        await Promise.all([pipeline(bundle, createWriteStream(file, { mode: 0o600 })), finished(packing)])
      } finally {
        // With nobody left to read it, it would wait for ever.
        packing.kill()
      }
      return { missing: gone }
    },

    async load(repository, file) {
      // Read by git, so by its user.
      await chmod(file, 0o400)
      await chown(file, account.uid, account.gid)
      const every = '+refs/heads/*:refs/heads/*'
      await git.output([
        '-C',
        repository,
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-auto-maintenance',
        '--no-write-fetch-head',
        file,
        every,
      ])
    },
  }
}

async function* prefixed(text: string, stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield Buffer.from(text)
  yield* stream
}
