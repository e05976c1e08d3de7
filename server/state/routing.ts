/** What is done with the requests of apps, and who is believed to say where requests come from. */
import { partId } from '../domain/part.ts'
import type { Limits, Rules } from '../domain/routing.ts'
import { type Database, type Result, type Statement, sql } from './database.ts'
import { batchOr } from './refusal.ts'

export interface Routing {
  /** By app; those of which nothing is said are not in it. */
  list(): Promise<ReadonlyMap<string, Rules>>
  of(app: string): Promise<Rules>
  /** Null resets. */
  setLimits(app: string, changes: { readonly [name in keyof Limits]: number | null }): Promise<void>
  /** With a page of its own or with the proxy's (null); null as a whole: not any more. */
  setMaintenance(app: string, on: { readonly page: string | null } | null): Promise<void>
  /** The password as `crypt(3)` writes it. */
  setUser(app: string, name: string, password: string): Promise<void>
  /** False when there is none. */
  removeUser(app: string, name: string): Promise<boolean>
  /** The text of a page of maintenance, by its id; null when nobody shows it any more. */
  page(id: string): Promise<string | null>
  /** Addresses and networks of proxies before this one. */
  trusted(): Promise<readonly string[]>
  trust(networks: readonly string[]): Promise<void>
  /** All that these apps hold of hosts and say about requests, to bring it back when the proxy refuses what came after. */
  snapshot(apps: readonly string[]): Promise<Snapshot>
  restore(snapshot: Snapshot): Promise<void>
}

export interface Snapshot {
  readonly apps: readonly string[]
  readonly rows: Readonly<Record<string, Result['rows']>>
}

const trustedProxies = 'trusted-proxies'
/** In the order in which rows can be put back. */
const tables = ['domains', 'routing', 'routing_users']

const columns = `SELECT app, largest_body, timeout, hsts, maintenance, (
    SELECT json_group_object(name, password) FROM routing_users WHERE routing_users.app = routing.app
  ) AS users FROM routing`

export function createRouting(db: Database): Routing {
  const write = (statements: readonly Statement[]) => batchOr(db, statements, () => null)

  return {
    async list() {
      return new Map((await db.query(columns)).map((row) => [String(row.app), rules(row)]))
    },
    async of(app) {
      const [row] = await db.query(`${columns} WHERE app = ?`, [app])
      return row ? rules(row) : {}
    },
    async setLimits(app, changes) {
      const names = { largestBody: 'largest_body', timeout: 'timeout', hsts: 'hsts' } as const
      const updates = Object.entries(changes).map(([key, value]) =>
        sql(`UPDATE routing SET ${names[key as keyof Limits]} = ? WHERE app = ?`, value ?? null, app),
      )
      await write([rowOf(app), ...updates])
    },
    async setMaintenance(app, on) {
      const page = on?.page ?? null
      const shown = page === null ? on && 'standard' : partId(page)
      const update = 'UPDATE routing SET maintenance = ?, page = ? WHERE app = ?'
      await write([rowOf(app), sql(update, shown, page, app)])
    },
    async setUser(app, name, password) {
      const put = `INSERT INTO routing_users (app, name, password) VALUES (?, ?, ?)
        ON CONFLICT (app, name) DO UPDATE SET password = excluded.password`
      await write([rowOf(app), sql(put, app, name, password)])
    },
    async removeUser(app, name) {
      const [removed] = await write([sql('DELETE FROM routing_users WHERE app = ? AND name = ?', app, name)])
      return removed?.changes === 1
    },
    async page(id) {
      const [row] = await db.query('SELECT page FROM routing WHERE maintenance = ?', [id])
      return row ? String(row.page) : null
    },
    async trusted() {
      const [row] = await db.query('SELECT value FROM settings WHERE name = ?', [trustedProxies])
      return row ? JSON.parse(String(row.value)) : []
    },
    async trust(networks) {
      const put = `INSERT INTO settings (name, value) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value`
      await write([sql(put, trustedProxies, JSON.stringify(networks))])
    },
    async snapshot(apps) {
      const rows = tables.map(async (table) => [table, await db.query(ofThese(`SELECT * FROM ${table}`), [list(apps)])])
      return { apps, rows: Object.fromEntries(await Promise.all(rows)) }
    },
    async restore({ apps, rows }) {
      await write([
        ...tables.map((table) => sql(ofThese(`DELETE FROM ${table}`), list(apps))),
        ...tables.flatMap((table) => (rows[table] ?? []).map((row) => insert(table, row))),
      ])
    },
  }
}

function rowOf(app: string): Statement {
  return sql('INSERT INTO routing (app) VALUES (?) ON CONFLICT (app) DO NOTHING', app)
}

function ofThese(statement: string): string {
  return `${statement} WHERE app IN (SELECT value FROM json_each(?))`
}

const list = (apps: readonly string[]) => JSON.stringify(apps)

function insert(table: string, row: Result['rows'][number]): Statement {
  const names = Object.keys(row)
  const places = names.map(() => '?').join(', ')
  return sql(`INSERT INTO ${table} (${names.join(', ')}) VALUES (${places})`, ...Object.values(row))
}

function rules(row: Result['rows'][number]): Rules {
  const users = JSON.parse(String(row.users)) as Record<string, string>
  const set = {
    largestBody: row.largest_body,
    timeout: row.timeout,
    hsts: row.hsts,
    maintenance: row.maintenance,
    users: Object.keys(users).length > 0 ? users : null,
  }
  return Object.fromEntries(Object.entries(set).filter(([, value]) => value !== null))
}
