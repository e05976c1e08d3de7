/** What is in a database, counted by the server itself in one snapshot. */
import type { Contents, TableContents } from '../../server/devices/classes/database.ts'
import { definitions } from './definitions.ts'
import type { Place } from './place.ts'
import { ask } from './psql.ts'
import { sequenceValue } from './toc.ts'

/** Beginning of every session that counts: nothing that an app has set for its database changes what values look like. */
export const snapshot = `
SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET lock_timeout = '60s';
SET search_path = ''; SET row_security = off; SET jit = off; SET client_encoding = 'UTF8';
SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET timezone = 'UTC'; SET lc_monetary = 'C';
SET extra_float_digits = 1; SET bytea_output = 'hex'; SET xmlbinary = 'base64'; SET quote_all_identifiers = off;
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY;`

const tables = `FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')`

/** Nobody changes or drops a table between the snapshot and the dump of it; writers are not disturbed. */
export const lockTables = `
SELECT format('LOCK TABLE ONLY %I.%I IN ACCESS SHARE MODE', n.nspname, c.relname) ${tables} ORDER BY 1 \\gexec`

/**
 * Columns in the order of their names, because a restored table of a family may have them in another one. Half of an MD5 of
 * each row, added up, is the same in any order, and changes with every value.
 */
const countTables = `
SELECT format(
  'SELECT json_build_object(''table'', %L::text, ''rows'', count(*), ''checksum'', coalesce(sum((''x'' || substr(md5(%s), 1, 16))::bit(64)::bigint), 0)::text) FROM ONLY %I.%I t',
  n.nspname || '.' || c.relname,
  (SELECT 'ROW(' || coalesce(string_agg(format('t.%I', a.attname), ', ' ORDER BY a.attname COLLATE "C"), '') || ')::text'
   FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  n.nspname, c.relname) ${tables} ORDER BY 1 \\gexec
SELECT json_build_object('table', 'large objects', 'rows', count(*), 'checksum', coalesce(sum(('x' || substr(md5(ROW(loid, pageno, data)::text), 1, 16))::bit(64)::bigint), 0)::text)
  FROM pg_catalog.pg_largeobject HAVING count(*) > 0;`

const readSequences = `
SELECT format('SELECT json_build_object(''sequence'', %L::text, ''value'', last_value::text, ''used'', is_called) FROM %I.%I', n.nspname || '.' || c.relname, n.nspname, c.relname)
${tables.replace("'r'", "'S'")} ORDER BY 1 \\gexec`

export const count = `${countTables}
${readSequences}
${definitions}`

export async function inspect(place: Place, database: string, signal?: AbortSignal): Promise<Contents> {
  const asking = { ...(signal && { signal }), deadline: null }
  return toContents(await ask(place, database, `${snapshot}\n${lockTables}\n${count}\nCOMMIT;`, asking))
}

/** `sequences`: the values that a dump has, in place of those that were read. */
export function toContents(lines: readonly string[], sequences?: ReadonlyMap<string, string>): Contents {
  const found: TableContents[] = []
  const all: string[] = []
  for (const line of lines) {
    const row = JSON.parse(line) as Row
    if ('table' in row) found.push({ name: row.table, rows: row.rows, checksum: row.checksum })
    else if ('definition' in row) all.push(row.definition)
    else {
      const value = sequences ? sequences.get(row.sequence) : sequenceValue(row.value, row.used)
      if (value === undefined) throw new Error(`the dump has no value of the sequence ${row.sequence}`)
      all.push(`value of ${row.sequence}: ${value}`)
    }
  }
  return { tables: found.sort((a, b) => (a.name < b.name ? -1 : 1)), definitions: all.sort() }
}

type Row =
  | { readonly table: string; readonly rows: number; readonly checksum: string }
  | { readonly sequence: string; readonly value: string; readonly used: boolean }
  | { readonly definition: string }
