/** What is in a database: every row and every definition, in a form that is the same after a dump and a restore. */
import type { Contents, TableContents } from '../../server/devices/classes/database.ts'
import type { Session } from '../shared/client.ts'
import { columns, named, quoted } from './sql.ts'

/** Begins a transaction that sees one moment, and nothing of later ones. */
export async function beginSnapshot(session: Session): Promise<void> {
  await session.ask(
    `SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET time_zone = '+00:00';
    START TRANSACTION WITH CONSISTENT SNAPSHOT;`,
  )
}

export async function readContents(session: Session, database: string): Promise<Contents> {
  const definitions = await readDefinitions(session, database)
  return { tables: await readTables(session, database), definitions }
}

/** Rows and checksums, as the session sees them. */
export async function readTables(session: Session, database: string): Promise<TableContents[]> {
  const tables = new Map<string, string[]>()
  const listed = await session.ask(
    `SELECT t.TABLE_NAME, c.COLUMN_NAME FROM information_schema.TABLES AS t
    JOIN information_schema.COLUMNS AS c USING (TABLE_SCHEMA, TABLE_NAME)
    WHERE t.TABLE_SCHEMA = ${quoted(database)} AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
    ORDER BY t.TABLE_NAME, c.ORDINAL_POSITION;`,
  )
  for (const [table = '', column = ''] of listed.map(columns)) {
    tables.set(table, [...(tables.get(table) ?? []), column])
  }
  const contents: TableContents[] = []
  for (const [name, names] of [...tables].sort(byName)) {
    const [line = ''] = await session.ask(sumOf(database, name, names))
    const [rows, checksum = ''] = columns(line)
    contents.push({ name, rows: Number(rows), checksum })
  }
  return contents
}

/** A line for each part of each table, and one for everything else; without who made it and in which database. */
export async function readDefinitions(session: Session, database: string): Promise<string[]> {
  await session.ask(`USE ${named(database)};`)
  const lines: string[] = []
  for (const { list, kind, show, column } of kinds) {
    const names = (await session.ask(list(quoted(database)))).map((line) => columns(line)[0] ?? '')
    for (const name of names) {
      const [line = ''] = await session.ask(`SHOW CREATE ${show} ${named(name)};`)
      const text = (columns(line)[column] ?? '').replace(definer, '').replaceAll(`${named(database)}.`, '')
      if (kind === 'table') lines.push(...partsOf(text).map((part) => `table ${name}: ${part}`))
      else lines.push(`${kind} ${name}: ${text.replace(/\s*\n\s*/g, ' ').trim()}`)
    }
  }
  return lines.sort()
}

interface Kind {
  readonly kind: string
  /** Statement for their names. */
  readonly list: (database: string) => string
  readonly show: string
  /** Of the answer to SHOW CREATE that has the text. */
  readonly column: number
}

const tablesOf = (types: string) => (database: string) =>
  `SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = ${database} AND TABLE_TYPE IN (${types});`
const routinesOf = (type: string) => (database: string) =>
  `SELECT ROUTINE_NAME FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = ${database} AND ROUTINE_TYPE = '${type}';`

const kinds: readonly Kind[] = [
  { kind: 'table', list: tablesOf(`'BASE TABLE', 'SYSTEM VERSIONED'`), show: 'TABLE', column: 1 },
  { kind: 'view', list: tablesOf(`'VIEW'`), show: 'VIEW', column: 1 },
  { kind: 'sequence', list: tablesOf(`'SEQUENCE'`), show: 'SEQUENCE', column: 1 },
  { kind: 'procedure', list: routinesOf('PROCEDURE'), show: 'PROCEDURE', column: 2 },
  { kind: 'function', list: routinesOf('FUNCTION'), show: 'FUNCTION', column: 2 },
  {
    kind: 'trigger',
    list: (database) => `SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = ${database};`,
    show: 'TRIGGER',
    column: 2,
  },
  {
    kind: 'event',
    list: (database) => `SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA = ${database};`,
    show: 'EVENT',
    column: 3,
  },
]

const definer = /DEFINER=`(?:[^`]|``)*`@`(?:[^`]|``)*` ?/

/** The next number that a table gives out is a matter of its rows, and of those that are gone. */
function partsOf(createTable: string): string[] {
  return createTable.split('\n').map((line) =>
    line
      .trim()
      .replace(/,$/, '')
      .replace(/ AUTO_INCREMENT=\d+/, ''),
  )
}

/** A sum does not know the order of what was added. MD5 twice, so that neither NULL nor a value can pass for another. */
function sumOf(database: string, table: string, names: readonly string[]): string {
  const row = `MD5(CONCAT(${names.map((name) => `COALESCE(MD5(${named(name)}), '-')`).join(', ')}))`
  return `SELECT COUNT(*), COALESCE(SUM(CAST(CONV(LEFT(sum, 15), 16, 10) AS UNSIGNED)), 0)
    FROM (SELECT ${row} AS sum FROM ${named(database)}.${named(table)}) AS sums;`
}

function byName([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return a < b ? -1 : 1
}
