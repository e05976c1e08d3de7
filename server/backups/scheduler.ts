/** Makes backups when they are due, and lets the oldest go. One at a time: each moves much. */
import { setTimeout as pause } from 'node:timers/promises'
import { type BackupSchedule, dueAfter } from '../domain/backup.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { DataBackups } from './data-backups.ts'

export interface SchedulerParts {
  readonly store: Pick<Store, 'schedules'>
  readonly backups: Pick<DataBackups, 'capture' | 'retain' | 'tidy'>
  readonly log: Log
  readonly now?: () => Date
  /** Milliseconds between two looks, and between two tries of one that failed. */
  readonly every?: number
  readonly again?: number
}

/**
 * Until `signal` aborts. One that was missed while the kernel was away is made when it is back; one that fails is tried
 * again after an hour, and its job tells of it.
 */
export async function keepSchedules(parts: SchedulerParts, signal: AbortSignal): Promise<void> {
  const { store, backups, log, now = () => new Date(), every = 30_000, again = 3_600_000 } = parts
  const tried = new Map<string, number>()
  let tidied = 0

  const isDue = (one: BackupSchedule) => {
    const due = dueAfter(one, new Date(one.lastAt ?? one.createdAt))
    return due <= now() && now().getTime() - (tried.get(nameOf(one)) ?? 0) >= again
  }

  async function make(one: BackupSchedule): Promise<void> {
    const { kind, subject, archive, keep } = one
    const begun = now()
    tried.set(nameOf(one), begun.getTime())
    await backups.capture({ kind, name: subject }, archive, { actor: 'schedule', emit: () => {}, signal })
    await store.schedules.ran(kind, subject, begun.toISOString())
    tried.delete(nameOf(one))
    await backups.retain(kind, subject, keep)
  }

  while (!signal.aborted) {
    try {
      if (now().getTime() - tidied >= again) {
        tidied = now().getTime()
        await backups.tidy()
      }
      for (const one of (await store.schedules.list()).filter(isDue)) {
        if (signal.aborted) break
        await make(one).catch((error) => log.warn('backup.failed', { what: nameOf(one), cause: messageOf(error) }))
      }
    } catch (error) {
      log.warn('schedules.not-read', { cause: messageOf(error) })
    }
    await pause(every, undefined, { signal }).catch(() => {})
  }
}

function nameOf({ kind, subject }: BackupSchedule): string {
  return `${kind} ${subject}`
}
