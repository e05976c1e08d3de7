/** The store as one SQLite file, for development and for small machines. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { copyFile, open, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import { backup, DatabaseSync, type StatementSync } from 'node:sqlite'
import { messageOf, UserError } from '../errors.ts'
import { writeBackup } from './backup-file.ts'
import { constraintError } from './constraint.ts'
import type { Database, Result, Statement } from './database.ts'
import { checkStatements } from './statements.ts'

export function openSqlite(path: string): Database {
  let connection = connect(path)

  return {
    async query(sql, values = []) {
      checkStatements([{ sql, values }])
      return attempt(path, () => run(connection, { sql, values }).rows)
    },
    async batch(statements) {
      checkStatements(statements)
      return attempt(path, () => atomically(connection, statements))
    },
    backup(target) {
      return writeBackup(target, async () => void (await backup(connection.db, target)))
    },
    async restore(source) {
      const incoming = `${path}.incoming`
      await copyFile(source, incoming)
      await flush(incoming)
      // Closing writes the log back and removes it, so that the rename is the one step that counts.
      connection.db.close()
      try {
        await rename(incoming, path)
      } finally {
        connection = connect(path)
      }
    },
    async close() {
      connection.db.close()
    },
  }
}

interface Connection {
  readonly db: DatabaseSync
  /** Every statement is a constant of some file, so there are some hundred at most. */
  readonly prepared: Map<string, StatementSync>
}

function connect(path: string): Connection {
  return attempt(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    if (!existsSync(path)) writeFileSync(path, '', { mode: 0o600 })
    chmodSync(path, 0o600)
    const db = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 5_000 })
    // FULL: a push that was told to be live must still be there after a power cut.
    db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    return { db, prepared: new Map() }
  })
}

function atomically(connection: Connection, statements: readonly Statement[]): Result[] {
  connection.db.exec('BEGIN IMMEDIATE')
  try {
    const results = statements.map((statement) => run(connection, statement))
    connection.db.exec('COMMIT')
    return results
  } catch (error) {
    // A full disk ends the transaction by itself.
    if (connection.db.isTransaction) connection.db.exec('ROLLBACK')
    throw error
  }
}

function run({ db, prepared }: Connection, { sql, values }: Statement): Result {
  const statement = prepared.get(sql) ?? db.prepare(sql)
  prepared.set(sql, statement)
  if (statement.columns().length === 0) return { rows: [], changes: Number(statement.run(...values).changes) }
  const rows = statement.all(...values) as Result['rows']
  return { rows, changes: rows.length }
}

/** Primary result codes of SQLite that mean the machine, not the statement. */
const outages: Readonly<Record<number, string>> = {
  5: 'another program holds its lock',
  8: 'the file cannot be written',
  10: 'the disk reports an error',
  13: 'the disk is full',
  14: 'the file cannot be opened',
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action()
  } catch (error) {
    const code = Number((error as { errcode?: number }).errcode) & 0xff
    const outage = outages[code]
    if (outage) throw new UserError('unavailable', `The store (${path}) cannot be used: ${outage}.`)
    throw (code === 19 && constraintError(messageOf(error))) || error
  }
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.sync()
  } finally {
    await file.close()
  }
}
