/**
 * The state of a server that is restored on another machine knows of devices, databases and volumes whose content is not
 * there. Nobody may take what is empty for it: it is lost until a backup brings it back.
 */
import type { BackupKind } from '../domain/backup.ts'
import { UserError } from '../errors.ts'
import { type Database, sql } from './database.ts'

/** What is on a server that was adopted, and in a directory that was given, is elsewhere. */
const ours = `SELECT name FROM devices WHERE class = 'database' AND "as" IN ('container', 'node')`

export async function noteLost(db: Database): Promise<void> {
  await db.batch([
    // An adopted one too: the programs that the node speaks to it with are not here.
    sql(`UPDATE devices SET state = 'installing' WHERE state = 'ready' AND class = 'database'`),
    sql(`UPDATE databases SET lost = 1 WHERE state = 'ready' AND device IN (${ours})`),
    sql(`UPDATE volumes SET lost = 1 WHERE state = 'ready' AND path IS NULL`),
    sql(`DELETE FROM credentials WHERE database IN (SELECT name FROM databases WHERE device IN (${ours}))`),
    sql(`DELETE FROM scratch_databases WHERE device IN (${ours})`),
  ])
}

export function lostContent(kind: BackupKind, name: string): UserError {
  return new UserError(
    'conflict',
    `The content of the ${kind} ${name} stayed on the server that this one was restored from.`,
    'From its newest backup: backups:restore-all',
  )
}
