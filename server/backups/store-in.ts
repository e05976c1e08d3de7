/** dump → encrypt → archive; whoever of them breaks is named. */
import { addAbortSignal, PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ArchiveDriver } from '../devices/classes/archive.ts'
import type { Dump } from '../devices/classes/database.ts'
import { type Backup, backupFile } from '../domain/backup.ts'
import { messageOf, UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { BackupFacts } from '../state/backups.ts'
import { summarize } from './contents.ts'
import { watchProgress } from './progress.ts'
import { seal } from './sealed.ts'
import type { Subject } from './subject.ts'

interface Storing {
  readonly backup: Backup
  readonly subject: Subject
  readonly driver: ArchiveDriver
  readonly key: string
  readonly job: RunningJob
}

export async function store({ backup, subject, driver, key, job }: Storing): Promise<BackupFacts> {
  const { id, kind, subject: name, archive, createdAt: at } = backup
  job.emit(`-----> Backing up ${kind} ${name} to ${archive}`)
  const from = `The dump of ${name}`
  const progress = watchProgress({ ...job, from, to: `The archive ${archive}` })
  const about = { format: 1, id, kind, subject: name, driver: subject.driver, at } as const
  let blame: unknown = null
  const dump = await subject.dump(progress.signal).catch((error) => {
    progress.end()
    throw broken(from, error)
  })
  dump.contents.catch(() => {})
  // A dump that has nothing to say for now must not hold up whoever cancels, nor an archive that broke.
  addAbortSignal(progress.signal, dump.bytes)
  const bytes = new PassThrough()
  const source = watched(dump, (error) => (blame ??= error))
  const sealing = pipeline(progress.through(seal(about, source, key)), bytes)
  sealing.catch(() => {})
  try {
    const { bytes: size } = await driver.put(backupFile(backup), bytes, progress.signal)
    job.emit(`       ${progress.text()}`)
    return { bytes: size, summary: summarize(await dump.contents) }
  } catch (error) {
    if (progress.signal.aborted) throw progress.signal.reason
    throw blame === null ? broken(`The archive ${archive}`, error) : broken(from, blame)
  } finally {
    progress.end()
    bytes.destroy()
    dump.bytes.destroy()
  }
}

/** The same dump; what breaks in it is noted before others wrap it into words of their own. */
function watched(dump: Dump, note: (error: unknown) => void): Dump {
  async function* bytes(): AsyncGenerator<Buffer> {
    try {
      yield* dump.bytes as AsyncIterable<Buffer>
      await dump.contents
    } catch (error) {
      note(error)
      throw error
    }
  }
  return { bytes: Readable.from(bytes(), { objectMode: false }), contents: dump.contents }
}

function broken(what: string, error: unknown): UserError {
  if (error instanceof UserError) return new UserError(error.code, `${what} broke off: ${error.message}`, error.hint)
  const { code } = error as NodeJS.ErrnoException
  const cause = code === 'ENOSPC' ? 'the disk is full' : messageOf(error)
  return new UserError('unavailable', `${what} broke off: ${cause}.`, 'Run it again; nothing else has changed.')
}
