/** Whether a database or volume that was restored is what was backed up: every difference is a sentence. */
import { createHash } from 'node:crypto'
import type { Contents } from '../devices/classes/database.ts'
import type { BackupKind, BackupSummary } from '../domain/backup.ts'

const words = {
  database: { item: 'table', count: 'rows' },
  volume: { item: 'file', count: 'bytes' },
} as const satisfies Record<BackupKind, unknown>

/** Empty when they are equal. */
export function differences(kind: BackupKind, expected: Contents, found: Contents): string[] {
  const { item, count } = words[kind]
  const there = new Map(found.tables.map((table) => [table.name, table]))
  const wanted = new Map(expected.tables.map((table) => [table.name, table]))
  const changed = expected.tables.flatMap(({ name, rows, checksum }) => {
    const other = there.get(name)
    if (other === undefined) return [`The ${item} ${name} is missing.`]
    if (other.rows !== rows) return [`The ${item} ${name} has ${other.rows} ${count} instead of ${rows}.`]
    return other.checksum === checksum ? [] : [`The ${item} ${name} has other content, in as many ${count}.`]
  })
  const added = found.tables
    .filter(({ name }) => !wanted.has(name))
    .map(({ name }) => `There is one ${item} more: ${name}.`)
  return [...changed, ...added, ...definitions(expected.definitions, found.definitions)]
}

/** What lists show of it, and what tells this content from any other. */
export function summarize({ tables, definitions }: Contents): BackupSummary {
  return {
    items: tables.length,
    amount: tables.reduce((sum, { rows }) => sum + rows, 0),
    digest: createHash('sha256')
      .update(JSON.stringify([tables, definitions]))
      .digest('hex'),
  }
}

function definitions(expected: readonly string[], found: readonly string[]): string[] {
  const missing = without(expected, found).map((line) => `It lost a definition: ${line}`)
  return [...missing, ...without(found, expected).map((line) => `It has one definition more: ${line}`)]
}

/** Lines may be there twice. */
function without(all: readonly string[], others: readonly string[]): string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return all.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
