/** Config vars as saved, each value sealed for its app and name. */
import { type Database, type Statement, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Secrets } from './secrets.ts'
import type { ConfigVars } from './store.ts'

export function createConfigVars(db: Database, secrets: Secrets): ConfigVars {
  const put = (app: string, name: string, value: string): Statement =>
    sql(
      `INSERT INTO config_vars (app, name, value) VALUES (?, ?, ?)
       ON CONFLICT (app, name) DO UPDATE SET value = excluded.value`,
      app,
      name,
      secrets.seal(value, owner(app, name)),
    )

  return {
    async get(app) {
      const rows = await db.query('SELECT name, value FROM config_vars WHERE app = ? ORDER BY name', [app])
      return Object.fromEntries(
        rows.map(({ name, value }) => [String(name), secrets.open(String(value), owner(app, String(name)))]),
      )
    },
    async set(app, changes) {
      const statements = Object.entries(changes).map(([name, value]) =>
        value === null ? sql('DELETE FROM config_vars WHERE app = ? AND name = ?', app, name) : put(app, name, value),
      )
      await batchOr(db, statements, () => null)
    },
    async replace(app, values) {
      const puts = Object.entries(values).map(([name, value]) => put(app, name, value))
      await batchOr(db, [sql('DELETE FROM config_vars WHERE app = ?', app), ...puts], () => null)
    },
  }
}

function owner(app: string, name: string): string {
  return `config var ${name} of ${app}`
}
