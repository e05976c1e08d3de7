/**
 * Backups of databases and volumes: written to an archive, read back, restored beside the original and compared, and
 * only then called good.
 */
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import { type Backup, type BackupKind, backupFile, backupKinds, restorable, superfluous } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import type { JobQueue, RunningJob } from '../jobs/queue.ts'
import type { Look } from './archives.ts'
import { NotGood, prove } from './prove.ts'
import { store as storeIn } from './store-in.ts'
import type { Place, Subject, Subjects } from './subject.ts'
import { createTidy, type TidyParts } from './tidy.ts'

export interface DataBackups {
  /** Throws `refused` when it was stored and did not prove itself; its row says why. */
  capture(name: SubjectName, archive: string | undefined, asker: Asker): Promise<Backup>
  verify(id: string, asker: Asker): Promise<Backup>
  /** Into a new one called `as`; null: in the place of the one that has its name, or under its own name if there is none. */
  restore(id: string, as: string | null, asker: Asker): Promise<Restored>
  /** What `restore` would do, a sentence each; throws what it would refuse with. */
  planRestore(id: string, as: string | null): Promise<string[]>
  look(): Promise<Look>
  /** Throws `not-found`. */
  find(id: string): Promise<Backup>
  /** The archive that is meant; without a name the only one. Throws `usage` when it would be in what it is to keep. */
  archive(name: string | undefined, of: Pick<Backup, 'kind' | 'subject'>): Promise<string>
  /** The file as it lies in the archive. */
  download(id: string, signal: AbortSignal): Promise<Readable>
  delete(id: string): Promise<void>
  /** Deletes what `keep` good ones make superfluous; returns their ids. */
  retain(kind: BackupKind, subject: string, keep: number): Promise<string[]>
  /** Which one is meant. Throws `not-found`, and `usage` when there are two of that name. */
  resolve(name: SubjectName): Promise<{ kind: BackupKind; name: string; subject: Subject }>
  /** Removes what a dead kernel, or an archive that was away, has left. */
  tidy(): Promise<void>
}

export interface SubjectName {
  readonly name: string
  readonly kind?: BackupKind | undefined
}

export interface Restored {
  readonly kind: BackupKind
  readonly name: string
  /** Name that the old content has now; null when there was none. */
  readonly kept: string | null
}

export interface Asker {
  readonly actor: string
  readonly emit: (line: string) => void
  readonly signal: AbortSignal
}

export interface DataBackupParts extends TidyParts {
  readonly jobs: JobQueue
  readonly subjects: Readonly<Record<BackupKind, Subjects>>
  readonly key: Buffer
  readonly now?: () => Date
}

const whole = ['stored', 'verified', 'bad'] as const

export function createDataBackups(parts: DataBackupParts): DataBackups {
  const { store, jobs, archives, subjects, now = () => new Date() } = parts
  const key = parts.key.toString('base64')
  const tidy = createTidy(parts)

  const keys = async () => [key, ...(await store.backups.keys())]
  const run = <T>(kind: string, { actor, emit, signal }: Asker, work: (job: RunningJob) => Promise<[T, string]>) =>
    jobs.run({ kind, app: null, actor, emit, signal }, async (job) => {
      const [value, result] = await work(job)
      return { value, result }
    })

  async function resolve({ name, kind }: SubjectName) {
    const kinds = kind === undefined ? backupKinds : [kind]
    const found = await Promise.all(
      kinds.map(async (one) => ({ kind: one, name, subject: await subjects[one].find(name) })),
    )
    const [first, second] = found.filter(({ subject }) => subject !== null)
    if (second) throw new UserError('usage', `There are a database and a volume called ${name}.`, '--kind database')
    if (first?.subject) return { kind: first.kind, name, subject: first.subject }
    throw new UserError('not-found', `There is no ${kinds.join(' or ')} ${name}.`, 'See them: db:list, volumes:list')
  }

  /** Restores it beside and compares; its row says what came of it. `use` gets what was restored, once it is good. */
  async function proven(backup: Backup, job: RunningJob, use: (place: Place) => Promise<void>): Promise<Backup> {
    const { id, kind, archive } = backup
    let good: Backup | null = null
    try {
      const driver = await archives.driver(archive)
      const proving = { backup, driver, subjects: subjects[kind], keys: await keys(), job }
      await prove({
        ...proving,
        good: async (summary, place) => {
          const facts = { summary, verifiedAt: now().toISOString() }
          await store.backups.move(id, whole, 'verified', facts)
          good = { ...backup, ...facts, state: 'verified', problem: null }
          await use(place)
        },
      })
    } catch (error) {
      // Whoever could not look has proven nothing.
      if (good === null && error instanceof NotGood) {
        await store.backups.move(id, whole, 'bad', { problem: error.message, verifiedAt: null })
      }
      throw error
    }
    return good ?? backup
  }

  return {
    resolve,
    tidy: () => tidy.run(),
    look: archives.look,
    find: archives.find,
    archive: archives.choose,
    async capture(asked, archive, asker) {
      const { kind, name, subject } = await resolve(asked)
      const chosen = await archives.choose(archive, { kind, subject: name })
      return run('backup', asker, async (job) => {
        const backup: Backup = {
          ...{ id: randomBytes(4).toString('hex'), kind, subject: name, archive: chosen, state: 'capturing' },
          ...{ bytes: null, summary: null, problem: null, verifiedAt: null },
          ...{ createdAt: now().toISOString(), createdBy: asker.actor },
        }
        const stored = await tidy.holding(backup.id, async () => {
          const driver = await archives.driver(chosen)
          await store.backups.add(backup)
          const facts = await storeIn({ backup, subject, driver, key, job }).catch(async (error) => {
            await tidy.failed(backup, error)
            throw error
          })
          await store.backups.move(backup.id, ['capturing'], 'stored', facts)
          return { ...backup, ...facts, state: 'stored' as const }
        })
        const good = await proven(stored, job, async () => {})
        return [good, `${good.id}: ${name} is backed up to ${chosen}, restored and compared.`]
      })
    },
    async verify(id, asker) {
      const backup = await found(id)
      return run('verify', asker, async (job) => {
        const good = await proven(backup, job, async () => {})
        return [good, `${good.id} was restored and compared: it is good.`]
      })
    },
    async restore(id, as, asker) {
      const { backup, there } = await aim(id, as)
      return run('restore', asker, async (job) => {
        const name = as ?? backup.subject
        let kept: string | null = null
        await proven(backup, job, async (place) => {
          if (!there) await place.keep(name, asker.actor)
          else ({ kept } = await place.replace(name, job))
        })
        const old = kept === null ? '' : ` What was there is kept as ${kept}.`
        return [{ kind: backup.kind, name, kept }, `${name} is what it was at ${backup.createdAt}.${old}`]
      })
    },
    async planRestore(id, as) {
      const { backup, there } = await aim(id, as)
      const name = as ?? backup.subject
      return [
        `read ${backupFile(backup)} back from ${backup.archive}, restore it beside, and compare`,
        there
          ? `switch ${name} to it; what is there now is kept under another name`
          : `make it the ${backup.kind} ${name}`,
      ]
    },
    async download(id, signal) {
      const backup = await found(id)
      return (await archives.driver(backup.archive)).get(backupFile(backup), signal)
    },
    async delete(id) {
      await tidy.remove(await archives.find(id))
    },
    async retain(kind, subject, keep) {
      const gone = superfluous(await store.backups.list({ kind, subject }), keep)
      for (const one of gone) await tidy.remove(one)
      return gone.map(({ id }) => id)
    },
  }

  /** What is restored, and whether something is there in its place. */
  async function aim(id: string, as: string | null): Promise<{ backup: Backup; there: boolean }> {
    const backup = await found(id)
    const there = (await subjects[backup.kind].find(as ?? backup.subject)) !== null
    if (as === null || !there) return { backup, there }
    throw new UserError('conflict', `There is already a ${backup.kind} ${as}.`, 'Restore it under another name.')
  }

  async function found(id: string): Promise<Backup> {
    const backup = await archives.find(id)
    if (restorable(backup)) return backup
    const why = backup.problem === null ? '' : ` ${backup.problem}`
    throw new UserError('conflict', `Nothing lies in the archive for ${id} (${backup.state}).${why}`)
  }
}
