/** Bare repositories, one an app, owned by the user that git runs as; their one hook is ours. */
import { access, appendFile, chown, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, UserError } from '../errors.ts'
import type { Account } from './account.ts'
import { createGit, finished, type GitProcess } from './git.ts'
import { removeLeftOvers } from './left-overs.ts'

export interface Repositories {
  /** Folder of the app's repository; makes it if it is not there, and removes what a killed git left in it. */
  ensure(app: string): Promise<string>
  /** Removes what killed gits left, in all of them. */
  removeLeftOvers(): Promise<void>
  /** The commit a ref points at; forty zeros when it does not exist, as git writes it. */
  ref(app: string, ref: string): Promise<string>
  /** Resolves true when the ref has become this commit, false after `timeout` ms. */
  awaitRef(app: string, ref: string, commit: string, timeout: number): Promise<boolean>
  /** The tree of an accepted commit as a tar. */
  archive(app: string, commit: string): Readable
  remove(app: string): Promise<void>
  /** Ids of the apps that have one. */
  list(): Promise<string[]>
  /** Keeps these commits, and no others, whatever is pushed over them: each gets a ref that no pusher sees. */
  keep(app: string, commits: readonly string[]): Promise<void>
  /** Packs it, and removes what no ref has led to for a day. */
  tidy(app: string): Promise<void>
}

/** Bytes of a push; git refuses a larger one before it fills the disk. */
const largestPush = 1024 ** 3

/** Refs that no pusher sees, and where those of kept commits are among them. */
const hidden = 'refs/megapolos'
const kept = `${hidden}/kept/`

/** Old commits have these slips; they harm nobody, and their authors cannot mend them. */
const forgiven = [
  'badTimezone',
  'missingEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'zeroPaddedFilemode',
]

/**
 * What git holds a push to: objects that would do harm where they are fetched, such as a folder `.git`, are refused.
 * Large files are never held in memory, and every push stays a pack: what unpacks small ones tells no limits.
 */
function settings(hooks: string): string {
  return `[core]
	hooksPath = ${JSON.stringify(hooks)}
	bigFileThreshold = 32m
[receive]
	maxInputSize = ${largestPush}
	unpackLimit = 1
	fsckObjects = true
[transfer]
	hideRefs = ${hidden}
[receive "fsck"]
${forgiven.map((slip) => `\t${slip} = ignore\n`).join('')}`
}

export const noCommit = '0'.repeat(40)

export function createRepositories(folder: string, hooks: string, account: Account): Repositories {
  const underWay = new Map<string, Promise<void>>()
  const path = (app: string) => join(folder, `${app}.git`)

  const git = createGit(folder, account)

  async function create(repository: string) {
    await git.output(['init', '--quiet', '--bare', '--template=', '--initial-branch=main', repository])
    await appendFile(join(repository, 'config'), settings(hooks))
    await mkdir(join(repository, 'info'), { recursive: true })
    // Without this, `export-ignore` in a user's .gitattributes would leave files out of the build.
    await writeFile(join(repository, 'info/attributes'), '* -export-ignore -export-subst\n')
    await chown(join(repository, 'info'), account.uid, account.gid)
    await chown(join(repository, 'info/attributes'), account.uid, account.gid)
  }

  /** Repositories of before had nothing to hide. */
  async function hide(repository: string) {
    await git.output(['-C', repository, 'config', 'transfer.hideRefs', hidden])
  }

  /** Changes refs, all or none. */
  async function changeRefs(repository: string, lines: readonly string[]) {
    await git.output(['-C', repository, 'update-ref', '--stdin'], lines.map((line) => `${line}\n`).join(''))
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
    async removeLeftOvers() {
      for (const name of await readdir(folder)) await removeLeftOvers(join(folder, name))
    },
    async awaitRef(app, name, commit, timeout) {
      // git moves the ref a few milliseconds after its hook ended, and tells nobody.
      for (const deadline = Date.now() + timeout; Date.now() < deadline; await delay(5)) {
        if ((await ref(app, name)) === commit) return true
      }
      return false
    },
    archive: (app, commit) => archive(git.start(['-C', path(app), 'archive', '--format=tar', commit]), commit),
    remove: (app) => rm(path(app), { recursive: true, force: true }),
    async list() {
      return (await readdir(folder)).flatMap((name) => /^([0-9a-f]{8})\.git$/.exec(name)?.[1] ?? [])
    },
    async keep(app, commits) {
      const repository = path(app)
      const listed = await git.output(['-C', repository, 'for-each-ref', '--format=%(objectname)', kept])
      const had = new Set(listed.split('\n').filter((line) => line !== ''))
      const missing = commits.filter((commit) => !had.delete(commit))
      const changes = [
        ...[...had].map((commit) => `delete ${kept}${commit}`),
        ...missing.map((commit) => `update ${kept}${commit} ${commit}`),
      ]
      if (changes.length === 0) return
      // Of a push whose pusher was gone the commit may never have arrived: it must not cost the others their refs.
      await changeRefs(repository, changes).catch(async () => {
        for (const change of changes) await changeRefs(repository, [change]).catch(() => {})
      })
    },
    async tidy(app) {
      await hide(path(app))
      const options = ['gc.auto=300', 'gc.autoDetach=false', 'gc.pruneExpire=1.day.ago'].flatMap((one) => ['-c', one])
      await git.output(['-C', path(app), ...options, 'gc', '--auto', '--quiet'])
    },
  }
}

/** Taken from its first moment: Node throws away what nobody reads by the time that a program has ended. */
function archive(child: GitProcess, commit: string): Readable {
  const end = finished(child)
  end.catch(() => {})
  const output = new PassThrough()
  child.stdout.pipe(output)
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
