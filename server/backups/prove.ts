/** A backup is good when it was read back from its archive, restored, and found to be what was dumped. */
import type { ArchiveDriver } from '../devices/classes/archive.ts'
import { type Backup, type BackupSummary, backupFile, summaryText } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { differences, summarize } from './contents.ts'
import { watchProgress } from './progress.ts'
import { unseal } from './sealed.ts'
import type { Place, Subjects } from './subject.ts'

interface Proving {
  readonly backup: Backup
  readonly driver: ArchiveDriver
  readonly subjects: Subjects
  readonly keys: readonly string[]
  readonly job: RunningJob
  /** What is done once it is good. The place is dropped afterwards, unless it has become something. */
  readonly good: (summary: BackupSummary, place: Place) => Promise<void>
}

/** What was found wrong with a backup itself; anything else that is thrown means that nobody could look. */
export class NotGood extends UserError {
  constructor(message: string, hint?: string, detail?: readonly string[]) {
    super('refused', message, hint, detail)
  }
}

/** Throws `NotGood`, saying what differs. */
export async function prove({ backup, driver, subjects, keys, job, good }: Proving): Promise<void> {
  const { archive, subject, kind } = backup
  job.emit(`-----> Reading it back from ${archive} and restoring it beside`)
  const progress = watchProgress({ ...job, from: `The archive ${archive}`, to: 'The server that restores it' })
  const opened: { place?: Place } = {}
  try {
    const { contents } = await read(backup, driver, keys, progress, async (dump, about) => {
      if (about.id !== backup.id || about.kind !== kind || about.subject !== subject) throw another(backup)
      opened.place = await subjects.scratch(subject, about.driver)
      await opened.place.fill(dump, progress.signal).catch((error) => {
        throw isCode(error, 'refused') ? new NotGood(error.message, error.hint, error.detail) : error
      })
    })
    const place = opened.place as Place
    job.emit(`       ${progress.text()}`)
    const summary = summarize(contents)
    if (backup.summary !== null && backup.summary.digest !== summary.digest) throw another(backup)
    job.emit('-----> Comparing')
    const different = differences(kind, contents, await place.inspect(progress.signal))
    if (different.length > 0) throw unlike(different)
    job.emit(`       ${summaryText({ kind, summary })}: all as they were`)
    await good(summary, place)
  } catch (error) {
    throw progress.signal.aborted ? progress.signal.reason : error
  } finally {
    progress.end()
    await opened.place?.drop()
  }
}

type Take = Parameters<typeof unseal>[2]

async function read(
  backup: Backup,
  driver: ArchiveDriver,
  keys: readonly string[],
  { through, signal }: ReturnType<typeof watchProgress>,
  take: Take,
) {
  const file = await driver.get(backupFile(backup), signal).catch((error) => {
    throw isCode(error, 'not-found') ? new NotGood(error.message) : error
  })
  try {
    return await unseal(through(file as AsyncIterable<Buffer>), keys, take)
  } catch (error) {
    // A file that is not as it was written is a bad backup.
    throw isCode(error, 'usage') ? new NotGood(error.message, error.hint) : error
  } finally {
    file.destroy()
  }
}

function isCode(error: unknown, code: UserError['code']): error is UserError {
  return error instanceof UserError && error.code === code
}

function another({ id }: Backup): NotGood {
  return new NotGood(`The file of ${id} in the archive is another backup, or was written anew.`)
}

function unlike([first = '', ...others]: readonly string[]): NotGood {
  const more = others.length === 0 ? '' : ` And ${others.length} more.`
  return new NotGood(`Restored, it is not what was backed up. ${first}${more}`, undefined, others.slice(0, 20))
}
