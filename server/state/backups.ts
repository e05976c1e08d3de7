/** Backups of databases and volumes, and the keys of others that open some of them. */
import { createHash } from 'node:crypto'
import type { Backup, BackupKind, BackupState } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Secrets } from './secrets.ts'

/** Of databases and volumes. */
export interface Backups {
  /** Newest first. */
  list(filter?: { readonly kind?: BackupKind; readonly subject?: string }): Promise<Backup[]>
  find(id: string): Promise<Backup | null>
  /** Throws `not-found` when the archive is gone. */
  add(backup: Backup): Promise<void>
  /** Compare and set: false when it is in none of the states `from`. Facts that are not given stay; the problem goes. */
  move(id: string, from: readonly BackupState[], to: BackupState, facts?: BackupFacts): Promise<boolean>
  forget(id: string): Promise<void>
  /** Keys of other installations, in base64. */
  keys(): Promise<string[]>
  addKey(key: string): Promise<void>
}

export type BackupFacts = Partial<Pick<Backup, 'bytes' | 'summary' | 'problem' | 'verifiedAt'>>

const insert = `INSERT INTO backups
  (id, kind, subject, archive, state, bytes, summary, problem, created_at, created_by, verified_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

export function createBackups(db: Database, secrets: Secrets): Backups {
  return {
    async list({ kind, subject } = {}) {
      const rows = await db.query('SELECT * FROM backups ORDER BY created_at DESC, id')
      return rows
        .map(backup)
        .filter((one) => (kind ?? one.kind) === one.kind && (subject ?? one.subject) === one.subject)
    },
    async find(id) {
      const [row] = await db.query('SELECT * FROM backups WHERE id = ?', [id])
      return row ? backup(row) : null
    },
    async add(one) {
      const { id, kind, subject, archive, state, bytes, problem, createdAt, createdBy, verifiedAt } = one
      const summary = one.summary === null ? null : JSON.stringify(one.summary)
      const values = [id, kind, subject, archive, state, bytes, summary, problem, createdAt, createdBy, verifiedAt]
      await batchOr(db, [sql(insert, ...values)], ({ kind: broken }) =>
        broken === 'foreign-key' ? goneArchive(archive) : null,
      )
    },
    async move(id, from, to, facts = {}) {
      const sets = Object.entries({ state: to, problem: null, ...facts }).map(([name, value]) => ({
        column: columns[name as keyof typeof columns],
        value: typeof value === 'object' && value !== null ? JSON.stringify(value) : (value ?? null),
      }))
      const text = `UPDATE backups SET ${sets.map(({ column }) => `${column} = ?`).join(', ')}
        WHERE id = ? AND state IN (${from.map(() => '?').join(', ')})`
      const [result] = await db.batch([sql(text, ...sets.map(({ value }) => value), id, ...from)])
      return result?.changes === 1
    },
    async forget(id) {
      await db.batch([sql('DELETE FROM backups WHERE id = ?', id)])
    },
    async keys() {
      const rows = await db.query('SELECT fingerprint, value FROM backup_keys ORDER BY added_at')
      return rows.map(({ fingerprint, value }) => secrets.open(String(value), owner(String(fingerprint))))
    },
    async addKey(key) {
      const fingerprint = createHash('sha256').update(key).digest('hex')
      const statement = 'INSERT INTO backup_keys (fingerprint, value, added_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING'
      await db.batch([sql(statement, fingerprint, secrets.seal(key, owner(fingerprint)), new Date().toISOString())])
    },
  }
}

const columns = {
  state: 'state',
  bytes: 'bytes',
  summary: 'summary',
  problem: 'problem',
  verifiedAt: 'verified_at',
} as const

function backup(row: Result['rows'][number]): Backup {
  return {
    id: String(row.id),
    kind: row.kind as BackupKind,
    subject: String(row.subject),
    archive: String(row.archive),
    state: row.state as BackupState,
    bytes: row.bytes as number | null,
    summary: row.summary === null ? null : JSON.parse(String(row.summary)),
    problem: row.problem as string | null,
    createdAt: String(row.created_at),
    createdBy: String(row.created_by),
    verifiedAt: row.verified_at as string | null,
  }
}

function owner(fingerprint: string): string {
  return `backup key ${fingerprint}`
}

export function goneArchive(name: string): UserError {
  return new UserError('not-found', `There is no archive ${name}.`, 'See them: devices:list')
}
