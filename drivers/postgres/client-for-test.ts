/** An app's side of PostgreSQL, for the suite: over TLS, as most clients come in. */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Login, Reach } from '../../server/devices/classes/database.ts'
import type { DatabaseClient, Session } from '../conformance/database-under-test.ts'

export const client: DatabaseClient = {
  async open(reach, login) {
    const connection = await connect(reach, login)
    const query = async (text: string, values: unknown[] = []) => (await connection.query(text, values)).rows
    const table = 'CREATE TABLE IF NOT EXISTS kept (key text PRIMARY KEY, value text NOT NULL)'
    return {
      async write(values) {
        const upsert = `INSERT INTO kept SELECT * FROM unnest($1::text[], $2::text[])
          ON CONFLICT (key) DO UPDATE SET value = excluded.value`
        const write = () => query(upsert, [Object.keys(values), Object.values(values)])
        await write().catch(async (error) => {
          if (error.code !== unknownTable) throw error
          await query(table)
          await write()
        })
      },
      async read(key) {
        const rows = await query('SELECT value FROM kept WHERE key = $1', [key]).catch((error) => {
          if (error.code === unknownTable) return []
          throw error
        })
        return rows[0]?.value ?? null
      },
      remove: async (key) => void (await query('DELETE FROM kept WHERE key = $1', [key])),
      async fill(mebibytes) {
        await query('CREATE TABLE IF NOT EXISTS filling (id serial PRIMARY KEY, bytes bytea)')
        for (let left = mebibytes; left > 0; left--) {
          const rows = Array.from({ length: 32 }, () => randomBytes(32 * 1024))
          await query('INSERT INTO filling (bytes) SELECT * FROM unnest($1::bytea[])', [rows])
        }
      },
      define: async () => void (await query('CREATE INDEX kept_by_value ON kept (md5(value))')),
      undefine: async () => void (await query('DROP INDEX kept_by_value')),
      close: () => connection.end(),
    } satisfies Session
  },
}

const unknownTable = '42P01'

export async function connect(reach: Reach, { user, password }: Login): Promise<pg.Client> {
  const { host, port, database } = reach
  const words = { host, port, database, user, password, ssl: { rejectUnauthorized: false } }
  const connection = new pg.Client({ ...words, connectionTimeoutMillis: 10_000 })
  // One that is cut off fails its queries; there is nobody else to tell.
  connection.on('error', () => {})
  await connection.connect()
  return connection
}
