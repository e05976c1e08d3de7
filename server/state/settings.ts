/** Settings of the whole server. */
import { type Database, sql } from './database.ts'
import type { Settings } from './store.ts'

export function createSettings(db: Database): Settings {
  return {
    async get(name) {
      const [row] = await db.query('SELECT value FROM settings WHERE name = ?', [name])
      return row ? String(row.value) : null
    },
    async set(name, value) {
      await db.batch([
        sql(
          'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
          name,
          value,
        ),
      ])
    },
  }
}
