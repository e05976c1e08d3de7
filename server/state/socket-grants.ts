/** What apps may at their own sockets, besides reading themselves. */
import type { SocketGrant } from '../domain/access.ts'
import { type Database, sql } from './database.ts'
import type { SocketGrants } from './store.ts'

export function createSocketGrants(db: Database): SocketGrants {
  return {
    async of(app) {
      const rows = await db.query('SELECT target, access FROM socket_grants WHERE app = ? ORDER BY target', [app])
      return rows.map(({ target, access }) => ({ target: String(target), access: access as SocketGrant['access'] }))
    },
    async set(app, { target, access }) {
      const insert = `INSERT INTO socket_grants (app, target, access) VALUES (?, ?, ?)
        ON CONFLICT (app, target) DO UPDATE SET access = excluded.access`
      await db.batch([sql(insert, app, target, access)])
    },
    async remove(app, target) {
      const statement = sql('DELETE FROM socket_grants WHERE app = ? AND target = ?', app, target)
      return (await db.batch([statement]))[0]?.changes === 1
    },
  }
}
