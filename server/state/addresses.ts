/** Addresses inside an app's subnet: assigned here, so that two containers can never swap them. */
import { UserError } from '../errors.ts'
import { type Database, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Addresses } from './store.ts'

/** The lowest free number; none is NULL, which the table refuses. 0, 1 and 255 are the network, its gateway and broadcast. */
const insert = `INSERT INTO addresses (app, host, process, "index", release, "group")
  SELECT ?, min(free), ?, ?, ?, ? FROM (
    SELECT 2 AS free UNION SELECT host + 1 FROM addresses WHERE app = ?
    EXCEPT SELECT host FROM addresses WHERE app = ?
  ) WHERE free <= 254`

export function createAddresses(db: Database): Addresses {
  return {
    async assign(app, places) {
      const inserts = places.map(({ process, index, release, group }) =>
        sql(insert, app, process, index, release, group, app, app),
      )
      // The new rows have the highest row ids, in the order of the places.
      const newest = sql('SELECT host FROM addresses WHERE app = ? ORDER BY rowid DESC LIMIT ?', app, places.length)
      const results = await batchOr(db, [...inserts, newest], ({ kind }) => (kind === 'not-null' ? fullSubnet() : null))
      return (results.at(-1)?.rows ?? []).map(({ host }) => Number(host)).reverse()
    },
    async list(app) {
      const rows = await db.query('SELECT * FROM addresses WHERE app = ? ORDER BY host', [app])
      return rows.map((row) => ({
        app,
        host: Number(row.host),
        process: String(row.process),
        index: Number(row.index),
        release: Number(row.release),
        group: String(row.group),
      }))
    },
    async release(app, hosts) {
      await db.batch([
        sql(
          'DELETE FROM addresses WHERE app = ? AND host IN (SELECT value FROM json_each(?))',
          app,
          JSON.stringify(hosts),
        ),
      ])
    },
  }
}

function fullSubnet(): UserError {
  return new UserError(
    'unavailable',
    'All 253 addresses of the app are in use.',
    'Scale it down, or wait until old containers have ended.',
  )
}
