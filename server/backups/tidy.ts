/** Removes files and rows; what an archive that is away cannot remove now is removed later. */
import { type Backup, backupFile } from '../domain/backup.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { Archives } from './archives.ts'

export interface Tidy {
  /** While `work` runs, nobody takes this backup for one that a dead kernel left. */
  holding<T>(id: string, work: () => Promise<T>): Promise<T>
  /** Nothing came of it: whatever lies there goes, and the row says why. */
  failed(backup: Backup, error: unknown): Promise<void>
  /** File, then row. Throws `conflict` while it is being written. */
  remove(backup: Backup): Promise<void>
  /** What was left before. */
  run(): Promise<void>
}

export interface TidyParts {
  readonly store: Pick<Store, 'backups'>
  readonly archives: Archives
  readonly log: Log
}

export function createTidy({ store, archives, log }: TidyParts): Tidy {
  const held = new Set<string>()

  async function removeFile(backup: Backup): Promise<void> {
    await (await archives.driver(backup.archive)).delete(backupFile(backup))
  }

  async function clear(backup: Backup, problem: string): Promise<void> {
    const gone = await removeFile(backup).then(
      () => true,
      (error) => void log.warn('backup.not-removed', { id: backup.id, cause: messageOf(error) }),
    )
    const facts = { problem, bytes: gone ? 0 : null }
    await store.backups.move(backup.id, ['capturing', 'failed'], 'failed', facts)
  }

  async function remove(backup: Backup): Promise<void> {
    if (held.has(backup.id)) throw new UserError('conflict', `${backup.id} is being written.`, 'See its job: jobs:list')
    const from = ['capturing', 'stored', 'verified', 'bad', 'failed', 'deleting'] as const
    await store.backups.move(backup.id, from, 'deleting', { problem: backup.problem })
    if (backup.bytes !== 0) await removeFile(backup)
    await store.backups.forget(backup.id)
  }

  return {
    remove,
    async holding(id, work) {
      held.add(id)
      try {
        return await work()
      } finally {
        held.delete(id)
      }
    },
    failed: (backup, error) => clear(backup, messageOf(error)),
    async run() {
      for (const backup of await store.backups.list()) {
        if (held.has(backup.id)) continue
        if (backup.state === 'capturing')
          await clear(backup, 'Interrupted: the kernel stopped while it was being written.')
        else if (backup.state === 'failed' && backup.bytes === null) await clear(backup, backup.problem ?? '')
        else if (backup.state === 'deleting') {
          await remove(backup).catch((error) =>
            log.warn('backup.not-removed', { id: backup.id, cause: messageOf(error) }),
          )
        }
      }
    },
  }
}
