/** Brings the schema up to what this program knows, one file of migrations/ a step. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UserError } from '../errors.ts'
import { readBackup } from './backup-file.ts'
import { type Database, sql } from './database.ts'
import { splitStatements } from './statements.ts'

export interface Migration {
  readonly name: string
  readonly script: string
}

const list = 'SELECT name, checksum FROM migrations ORDER BY name'

/** Each migration is one batch with its own row, so half of one never stays. */
export async function migrate(db: Database, migrations: readonly Migration[] = ownMigrations()): Promise<void> {
  await db.batch([
    sql(`CREATE TABLE IF NOT EXISTS migrations (
      name TEXT NOT NULL PRIMARY KEY, checksum TEXT NOT NULL, applied_at TEXT NOT NULL
    ) STRICT`),
  ])
  const missing = missingMigrations(await db.query(list), migrations)
  for (const { name, script } of missing) {
    await db.batch([
      ...splitStatements(script).map((statement) => sql(statement)),
      sql(
        'INSERT INTO migrations (name, checksum, applied_at) VALUES (?, ?, ?)',
        name,
        checksum(script),
        new Date().toISOString(),
      ),
    ])
  }
}

/** Throws before anything is replaced by a backup that this program could not use. */
export function checkBackup(path: string, migrations: readonly Migration[] = ownMigrations()): void {
  missingMigrations(readBackup(path, list), migrations)
}

export function ownMigrations(): Migration[] {
  const folder = join(import.meta.dirname, 'migrations')
  return readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => ({ name: file.replace(/\.sql$/, ''), script: readFileSync(join(folder, file), 'utf8') }))
}

function missingMigrations(applied: readonly Record<string, unknown>[], known: readonly Migration[]): Migration[] {
  for (const { name, checksum: was } of applied) {
    const migration = known.find((candidate) => candidate.name === name)
    if (!migration) {
      throw new UserError(
        'conflict',
        `The store was written by a newer MegapolOS (${name}); this one knows it up to ${known.at(-1)?.name}.`,
        'Install that version again, or restore a backup that this one made.',
      )
    }
    if (checksum(migration.script) !== was) {
      throw new UserError(
        'conflict',
        `The store was made with another text of the migration ${name} than this program has.`,
        'Install the version of MegapolOS that made the store.',
      )
    }
  }
  return known.filter((migration) => !applied.some(({ name }) => name === migration.name))
}

function checksum(script: string): string {
  return createHash('sha256').update(script).digest('hex')
}
