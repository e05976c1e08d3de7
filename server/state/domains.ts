/** Claims on host names: each host, and each path below one, belongs to one app, and the primary key says so. */
import { addressOf, partsOf } from '../domain/claims.ts'
import { type Domain, ownHostProblem, ownHosts, type Redirect, type RedirectStatus } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, type Statement, sql } from './database.ts'
import { batchOr, goneApp } from './refusal.ts'
import type { Domains } from './store.ts'

/** Name of the setting that holds the global domain. */
export const globalDomain = 'global-domain'

export function createDomains(db: Database): Domains {
  const ofApp = async (app: string) =>
    (
      await db.query("SELECT * FROM domains WHERE app = ? ORDER BY kind = 'redirect', kind DESC, host, path", [app])
    ).map(domain)

  const global = async () => {
    const [row] = await db.query('SELECT value FROM settings WHERE name = ?', [globalDomain])
    return String(row?.value)
  }

  /** What an app has already it keeps. */
  const refuseOwn = async (app: string, addresses: readonly string[]) => {
    const hosts = addresses.map((address) => partsOf(address).host)
    const under = await global()
    if (!hosts.some((host) => ownHostProblem(host, under))) return
    const had = new Set((await ofApp(app)).map(({ host }) => host))
    const problem = hosts
      .filter((host) => !had.has(host))
      .map((host) => ownHostProblem(host, under))
      .find(Boolean)
    if (problem) throw new UserError('conflict', problem)
  }

  return {
    ofApp,
    async list() {
      return (await db.query('SELECT * FROM domains ORDER BY host, path')).map(domain)
    },
    global,
    async add(app, addresses) {
      await refuseOwn(app, addresses)
      await batchOr(
        db,
        addresses.map((address) => insert(app, address)),
        () => takenAddress(db, addresses),
      )
    },
    async remove(app, addresses) {
      const held = new Set((await ofApp(app)).map(addressOf))
      const missing = addresses.find((address) => !held.has(address))
      if (missing) throw new UserError('not-found', `${missing} is not a domain of this app.`)
      const listed = 'host || path IN (SELECT value FROM json_each(?))'
      await db.batch([sql(`DELETE FROM domains WHERE app = ? AND ${listed}`, app, JSON.stringify(addresses))])
    },
    async set(app, addresses, taken = []) {
      await refuseOwn(app, addresses)
      const give = `DELETE FROM domains WHERE host = ? AND path = ? AND app = ? AND kind <> 'default'`
      const statements = [
        ...taken.map((one) => sql(give, one.host, one.path ?? '', one.app)),
        sql(
          "DELETE FROM domains WHERE app = ? AND kind = 'custom' AND host || path NOT IN (SELECT value FROM json_each(?))",
          app,
          JSON.stringify(addresses),
        ),
        ...addresses.map((address) => insertUnlessHeld(app, address)),
      ]
      const twice = addresses.find((address, index) => addresses.indexOf(address) < index)
      if (twice) throw new UserError('conflict', `${twice} is given twice.`)
      await batchOr(db, statements, () => takenAddress(db, addresses, app))
    },
    async redirect(app, host, { to, status }) {
      await refuseOwn(app, [host])
      const insert = `INSERT INTO domains (host, app, kind, redirect_to, redirect_status) VALUES (?, ?, 'redirect', ?, ?)
        ON CONFLICT (host, path) DO UPDATE SET redirect_to = excluded.redirect_to, redirect_status = excluded.redirect_status
        WHERE app = excluded.app AND kind = 'redirect'`
      const [made] = await batchOr(db, [sql(insert, host, app, to, status)], () => null)
      if (!made?.changes) throw (await takenAddress(db, [host])) ?? goneApp()
    },
    async setCanonical(app, host) {
      const mark = `UPDATE domains SET canonical = 1 WHERE app = ? AND host = ? AND path = '' AND kind <> 'redirect'`
      const [, marked] = await db.batch([
        sql('UPDATE domains SET canonical = 0 WHERE app = ?', app),
        ...(host === null ? [] : [sql(mark, app, host)]),
      ])
      if (host !== null && !marked?.changes) throw new UserError('not-found', `${host} is not a domain of this app.`)
    },
    async setGlobal(name) {
      const taken = await takenAddress(db, ownHosts(name))
      if (taken) throw taken
      const statements = [
        sql('UPDATE settings SET value = ? WHERE name = ?', name, globalDomain),
        ...moveDefaults("(SELECT name FROM apps WHERE id = app) || '.' || ?", [name], null),
      ]
      await batchOr(db, statements, async () => {
        const wanted = await db.query("SELECT name || '.' || ? AS host FROM apps", [name])
        return takenAddress(
          db,
          wanted.map(({ host }) => String(host)),
        )
      })
    },
  }
}

/** The default host of an app that is created in the same batch. */
export function insertDefault(app: string, name: string): Statement {
  return sql(
    `INSERT INTO domains (host, app, kind) SELECT ? || '.' || value, ?, 'default' FROM settings WHERE name = ?`,
    name,
    app,
    globalDomain,
  )
}

/** It may have been removed by hand; then it stays away. */
export function renameDefault(app: string, name: string): Statement[] {
  return moveDefaults("? || '.' || (SELECT value FROM settings WHERE name = ?)", [name, globalDomain], app)
}

/** Names the first host that another app has, or else the one that was given twice. `exceptFor` may hold its own. */
export async function takenAddress(
  db: Database,
  addresses: readonly string[],
  exceptFor = '',
): Promise<UserError | null> {
  const [row] = await db.query(
    `SELECT domains.host || path AS address, apps.name FROM domains JOIN apps ON apps.id = domains.app
     WHERE (domains.app <> ? OR kind = 'redirect') AND domains.host || path IN (SELECT value FROM json_each(?))
     ORDER BY address`,
    [exceptFor, JSON.stringify(addresses)],
  )
  if (row) return new UserError('conflict', `${row.address} is already a domain of the app ${row.name}.`)
  const twice = addresses.find((address, index) => addresses.indexOf(address) < index)
  return twice ? new UserError('conflict', `${twice} is given twice.`) : null
}

/**
 * Default hosts of one app, or of all, become `host`, an expression about their row; what leads to them or lies below
 * them follows first, as long as it can be told by the old name.
 */
function moveDefaults(host: string, values: readonly string[], app: string | null): Statement[] {
  const moved = `SELECT ${host} FROM domains AS moved WHERE kind = 'default' AND (? IS NULL OR app = ?)`
  const all = [...values, app, app]
  return [
    sql(
      `UPDATE domains SET host = (${moved} AND moved.host = domains.host)
      WHERE path <> '' AND EXISTS (${moved} AND moved.host = domains.host)`,
      ...all,
      ...all,
    ),
    sql(
      `UPDATE domains SET redirect_to = (${moved} AND moved.host = domains.redirect_to)
      WHERE EXISTS (${moved} AND moved.host = domains.redirect_to)`,
      ...all,
      ...all,
    ),
    sql(`UPDATE domains SET host = ${host} WHERE kind = 'default' AND (? IS NULL OR app = ?)`, ...all),
  ]
}

function insert(app: string, address: string): Statement {
  const { host, path = '' } = partsOf(address)
  return sql("INSERT INTO domains (host, path, app, kind) VALUES (?, ?, ?, 'custom')", host, path, app)
}

function insertUnlessHeld(app: string, address: string): Statement {
  const { host, path = '' } = partsOf(address)
  return sql(
    `INSERT INTO domains (host, path, app, kind) SELECT ?, ?, ?, 'custom'
     WHERE NOT EXISTS (SELECT 1 FROM domains WHERE host = ? AND path = ? AND app = ? AND kind <> 'redirect')`,
    ...([host, path, app, host, path, app] as const),
  )
}

function domain(row: Result['rows'][number]): Domain {
  const redirect: Redirect | null =
    row.kind === 'redirect' ? { to: String(row.redirect_to), status: row.redirect_status as RedirectStatus } : null
  return {
    host: String(row.host),
    ...(row.path !== '' && { path: String(row.path) }),
    app: String(row.app),
    kind: row.kind as Domain['kind'],
    ...(redirect && { redirect }),
    ...(row.canonical === 1 && { canonical: true as const }),
  }
}
