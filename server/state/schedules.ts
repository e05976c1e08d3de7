/** When backups are made by themselves. */
import type { BackupInterval, BackupKind, BackupSchedule } from '../domain/backup.ts'
import { goneArchive } from './backups.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'

export interface Schedules {
  list(): Promise<BackupSchedule[]>
  /** Replaces the one of the same database or volume. Throws `not-found` when the archive is gone. */
  set(schedule: Omit<BackupSchedule, 'lastAt'>): Promise<void>
  ran(kind: BackupKind, subject: string, at: string): Promise<void>
  remove(kind: BackupKind, subject: string): Promise<boolean>
}

const upsert = `INSERT INTO backup_schedules (kind, subject, archive, every, "at", keep, created_at, created_by)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (kind, subject) DO UPDATE SET archive = excluded.archive, every = excluded.every, "at" = excluded."at",
    keep = excluded.keep, created_at = excluded.created_at, created_by = excluded.created_by, last_at = NULL`

export function createSchedules(db: Database): Schedules {
  return {
    async list() {
      return (await db.query('SELECT * FROM backup_schedules ORDER BY kind, subject')).map(schedule)
    },
    async set({ kind, subject, archive, every, at, keep, createdAt, createdBy }) {
      const statement = sql(upsert, kind, subject, archive, every, at, keep, createdAt, createdBy)
      await batchOr(db, [statement], (broken) => (broken.kind === 'foreign-key' ? goneArchive(archive) : null))
    },
    async ran(kind, subject, at) {
      await db.batch([sql('UPDATE backup_schedules SET last_at = ? WHERE kind = ? AND subject = ?', at, kind, subject)])
    },
    async remove(kind, subject) {
      const [result] = await db.batch([
        sql('DELETE FROM backup_schedules WHERE kind = ? AND subject = ?', kind, subject),
      ])
      return result?.changes === 1
    },
  }
}

function schedule(row: Result['rows'][number]): BackupSchedule {
  return {
    kind: row.kind as BackupKind,
    subject: String(row.subject),
    archive: String(row.archive),
    every: row.every as BackupInterval,
    at: String(row.at),
    keep: Number(row.keep),
    createdAt: String(row.created_at),
    createdBy: String(row.created_by),
    lastAt: row.last_at as string | null,
  }
}
