/** The file that a backup of either store is: a SQLite database in one piece. */
import { existsSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { messageOf, UserError } from '../errors.ts'

/** Runs `write`, which makes a new file, then checks the file; a backup that is not whole is removed and refused. */
export async function writeBackup(path: string, write: () => Promise<void>): Promise<void> {
  if (existsSync(path)) throw new UserError('conflict', `${path} is there already.`, 'Give the name of a new file.')
  try {
    // Made first, so that the copy of every secret's ciphertext is never readable by others.
    await (await open(path, 'wx', 0o600)).close()
    await write()
    settle(path)
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}

/** The rows of one statement from a backup. Throws `usage` when the file is no backup of this store. */
export function readBackup(path: string, sql: string): Record<string, unknown>[] {
  try {
    const db = new DatabaseSync(path, { readOnly: true })
    try {
      return db.prepare(sql).all()
    } finally {
      db.close()
    }
  } catch (error) {
    throw new UserError('usage', `${path} is not a backup of MegapolOS's state (${messageOf(error)}).`)
  }
}

/** A backup can carry WAL mode, and would then need two more files beside it to be read. */
function settle(path: string): void {
  const db = new DatabaseSync(path)
  try {
    db.exec('PRAGMA journal_mode = DELETE')
    const [answer] = Object.values(db.prepare('PRAGMA quick_check').get() ?? {})
    if (answer !== 'ok') throw new Error(`The backup is damaged: ${answer}`)
  } finally {
    db.close()
  }
}
