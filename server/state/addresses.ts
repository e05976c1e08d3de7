/** Addresses inside an app's subnet: assigned here, so that two containers can never swap them. */
import { assignedHosts, type Place, placeKey } from '../domain/container.ts'
import { UserError } from '../errors.ts'
import { ConstraintError, type Database, type Statement, sql } from './database.ts'
import { goneApp } from './refusal.ts'
import type { Addresses } from './store.ts'

export function createAddresses(db: Database): Addresses {
  const list: Addresses['list'] = async (app) => {
    const rows = await db.query('SELECT * FROM addresses WHERE app = ? ORDER BY host', [app])
    return rows.map((row) => ({
      app,
      host: Number(row.host),
      process: String(row.process),
      index: Number(row.index),
      release: Number(row.release),
      group: String(row.group),
    }))
  }

  return {
    async assign(app, places) {
      for (;;) {
        const taken = await list(app)
        const known = new Map(taken.map((row) => [placeKey(row), row.host]))
        const missing = places.filter((place) => !known.has(placeKey(place)))
        const hosts = freeHosts(new Set(taken.map(({ host }) => host)), missing.length)
        missing.forEach((place, n) => void known.set(placeKey(place), hosts[n] ?? 0))
        try {
          await db.batch(missing.map((place, n) => insert(app, hosts[n] ?? null, place)))
          return places.map((place) => known.get(placeKey(place)) ?? 0)
        } catch (error) {
          if (!(error instanceof ConstraintError)) throw error
          if (error.kind === 'foreign-key') throw goneApp()
          // Somebody else took one of them in between: the table refused, so choose again.
          if (error.kind !== 'unique') throw error
        }
      }
    },
    list,
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

function freeHosts(taken: ReadonlySet<number>, count: number): number[] {
  const hosts: number[] = []
  for (let host = assignedHosts.first; host <= assignedHosts.last && hosts.length < count; host++) {
    if (!taken.has(host)) hosts.push(host)
  }
  if (hosts.length === count) return hosts
  throw new UserError(
    'unavailable',
    `The app's network has ${hosts.length} free addresses, and ${count} are needed; containers being replaced count too.`,
    'Scale it down, or wait until old containers have ended.',
  )
}

function insert(app: string, host: number | null, { process, index, release, group }: Place): Statement {
  const text = 'INSERT INTO addresses (app, host, process, "index", release, "group") VALUES (?, ?, ?, ?, ?, ?)'
  return sql(text, app, host, process, index, release, group)
}
