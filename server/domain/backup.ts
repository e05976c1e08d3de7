/** Backups of databases and volumes, where they lie, and when they are made. */

import { bytesText } from './bytes.ts'

export const backupKinds = ['database', 'volume'] as const
export type BackupKind = (typeof backupKinds)[number]

/**
 * `capturing`: being written · `stored`: whole in its archive, and not proven yet · `verified`: restored and compared ·
 * `bad`: it did not hold what it should · `failed`: nothing came of it · `deleting`.
 */
export const backupStates = ['capturing', 'stored', 'verified', 'bad', 'failed', 'deleting'] as const
export type BackupState = (typeof backupStates)[number]

export interface Backup {
  /** Eight hexadecimal digits, for ever. */
  readonly id: string
  readonly kind: BackupKind
  /** Name that the database or volume had. */
  readonly subject: string
  /** Device that it lies in. */
  readonly archive: string
  readonly state: BackupState
  /** Of the stored file; null when that is not known, 0 when nothing lies there. */
  readonly bytes: number | null
  /** Null before all of it has been read. */
  readonly summary: BackupSummary | null
  /** Why it is bad or failed. */
  readonly problem: string | null
  readonly createdAt: string
  readonly createdBy: string
  /** When it was last restored and compared. */
  readonly verifiedAt: string | null
}

export interface BackupSummary {
  /** Tables of a database, files of a volume. */
  readonly items: number
  /** Rows, or bytes. */
  readonly amount: number
  /** SHA-256 of the whole list of contents: a file that was put in this one's place is found out. */
  readonly digest: string
}

/** `41 tables, 1,200,000 rows`, `3 files, 12 MB`; empty when it is not known. */
export function summaryText({ kind, summary }: Pick<Backup, 'kind' | 'summary'>): string {
  if (summary === null) return ''
  const count = (n: number, what: string) => `${n.toLocaleString('en-US')} ${what}${n === 1 ? '' : 's'}`
  return kind === 'database'
    ? `${count(summary.items, 'table')}, ${count(summary.amount, 'row')}`
    : `${count(summary.items, 'file')}, ${bytesText(summary.amount)}`
}

/** Its name in the archive: everything that an empty installation has to know before it has a key. */
export function backupFile({ kind, subject, createdAt, id }: Pick<Backup, 'kind' | 'subject' | 'createdAt' | 'id'>) {
  return `${kind}s/${subject}/${createdAt.slice(0, 19).replace('T', '-').replaceAll(':', '')}-${id}.age`
}

const fileName = /^(database|volume)s\/([a-z0-9][a-z0-9._-]*)\/(\d{4}-\d\d-\d\d)-(\d\d)(\d\d)(\d\d)-([0-9a-f]{8})\.age$/

/** Null for a file that is none of ours. */
export function parseBackupFile(file: string): Pick<Backup, 'kind' | 'subject' | 'createdAt' | 'id'> | null {
  const [, kind, subject = '', day, hour, minute, second, id = ''] = fileName.exec(file) ?? []
  const createdAt = `${day}T${hour}:${minute}:${second}.000Z`
  if (kind === undefined || Number.isNaN(Date.parse(createdAt))) return null
  return { kind: kind as BackupKind, subject, createdAt, id }
}

/** Where it leaves something behind that can be restored. */
export function restorable({ state }: Pick<Backup, 'state'>): boolean {
  return state === 'stored' || state === 'verified' || state === 'bad'
}

/**
 * Which ones may go so that `keep` good ones stay; with fewer good ones, none. Those that never proved themselves go with
 * the good ones of their age.
 */
export function superfluous(backups: readonly Backup[], keep: number): Backup[] {
  const newestFirst = [...backups].sort((a, b) => b.createdAt.localeCompare(a.createdAt))
  const oldestKept = newestFirst.filter(({ state }) => state === 'verified')[Math.max(1, keep) - 1]
  if (oldestKept === undefined) return []
  return newestFirst.filter((one) => one.createdAt < oldestKept.createdAt && one.state !== 'capturing')
}

export const backupIntervals = ['hour', 'day', 'week'] as const
export type BackupInterval = (typeof backupIntervals)[number]

export interface BackupSchedule {
  readonly kind: BackupKind
  readonly subject: string
  readonly archive: string
  readonly every: BackupInterval
  /** `02:00`, in UTC; of an hourly one only the minutes count. */
  readonly at: string
  /** How many good ones stay. */
  readonly keep: number
  readonly createdAt: string
  readonly createdBy: string
  /** When the last one was begun that proved good; null before the first. */
  readonly lastAt: string | null
}

/** Milliseconds. */
export const intervalLength: Readonly<Record<BackupInterval, number>> = {
  hour: 3_600_000,
  day: 86_400_000,
  week: 7 * 86_400_000,
}

/** The first moment after `after` at which it is due; a week begins on Sunday. */
export function dueAfter({ every, at }: Pick<BackupSchedule, 'every' | 'at'>, after: Date): Date {
  const [hour = 0, minute = 0] = at.split(':').map(Number)
  const due = new Date(after)
  due.setUTCHours(every === 'hour' ? due.getUTCHours() : hour, minute, 0, 0)
  if (every === 'week') due.setUTCDate(due.getUTCDate() - due.getUTCDay())
  return due > after ? due : new Date(due.getTime() + intervalLength[every])
}
