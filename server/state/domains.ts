/** Host names: each belongs to one app, and the primary key says so. */
import { type Domain, ownHostProblem, ownNames } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, type Statement, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Domains } from './store.ts'

/** Name of the setting that holds the global domain. */
export const globalDomain = 'global-domain'

const columns = 'SELECT host, app, kind FROM domains'

export function createDomains(db: Database): Domains {
  const ofApp = async (app: string) =>
    (await db.query(`${columns} WHERE app = ? ORDER BY kind DESC, host`, [app])).map(domain)

  const global = async () => {
    const [row] = await db.query('SELECT value FROM settings WHERE name = ?', [globalDomain])
    return String(row?.value)
  }

  /** What an app has already it keeps. */
  const refuseOwn = async (app: string, hosts: readonly string[]) => {
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
      return (await db.query(`${columns} ORDER BY host`)).map(domain)
    },
    global,
    async add(app, hosts) {
      await refuseOwn(app, hosts)
      await batchOr(
        db,
        hosts.map((host) => insert(app, host)),
        () => takenHost(db, hosts),
      )
    },
    async remove(app, hosts) {
      const held = new Set((await ofApp(app)).map(({ host }) => host))
      const missing = hosts.find((host) => !held.has(host))
      if (missing) throw new UserError('not-found', `${missing} is not a domain of this app.`)
      await db.batch([
        sql(
          'DELETE FROM domains WHERE app = ? AND host IN (SELECT value FROM json_each(?))',
          app,
          JSON.stringify(hosts),
        ),
      ])
    },
    async set(app, hosts) {
      await refuseOwn(app, hosts)
      const statements = [
        sql("DELETE FROM domains WHERE app = ? AND kind = 'custom'", app),
        ...hosts.map((host) => insertUnlessDefault(app, host)),
      ]
      await batchOr(db, statements, () => takenHost(db, hosts, app))
    },
    async setGlobal(name) {
      const taken = await takenHost(
        db,
        ownNames.map((own) => `${own}.${name}`),
      )
      if (taken) throw taken
      const move = `UPDATE domains SET host = (SELECT name FROM apps WHERE id = app) || '.' || ? WHERE kind = 'default'`
      const statements = [sql('UPDATE settings SET value = ? WHERE name = ?', name, globalDomain), sql(move, name)]
      await batchOr(db, statements, async () => {
        const wanted = await db.query("SELECT name || '.' || ? AS host FROM apps", [name])
        return takenHost(
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
export function renameDefault(app: string, name: string): Statement {
  return sql(
    `UPDATE domains SET host = ? || '.' || (SELECT value FROM settings WHERE name = ?) WHERE app = ? AND kind = 'default'`,
    name,
    globalDomain,
    app,
  )
}

/** Names the first host that another app has, or else the one that was given twice. `exceptFor` may hold its own. */
export async function takenHost(db: Database, hosts: readonly string[], exceptFor = ''): Promise<UserError | null> {
  const [row] = await db.query(
    `SELECT domains.host, apps.name FROM domains JOIN apps ON apps.id = domains.app
     WHERE domains.app <> ? AND domains.host IN (SELECT value FROM json_each(?)) ORDER BY domains.host`,
    [exceptFor, JSON.stringify(hosts)],
  )
  if (row) return new UserError('conflict', `${row.host} is already a domain of the app ${row.name}.`)
  const twice = hosts.find((host, index) => hosts.indexOf(host) < index)
  return twice ? new UserError('conflict', `${twice} is given twice.`) : null
}

function insert(app: string, host: string): Statement {
  return sql("INSERT INTO domains (host, app, kind) VALUES (?, ?, 'custom')", host, app)
}

function insertUnlessDefault(app: string, host: string): Statement {
  return sql(
    `INSERT INTO domains (host, app, kind) SELECT ?, ?, 'custom'
     WHERE NOT EXISTS (SELECT 1 FROM domains WHERE host = ? AND app = ? AND kind = 'default')`,
    host,
    app,
    host,
    app,
  )
}

function domain(row: Result['rows'][number]): Domain {
  return { host: String(row.host), app: String(row.app), kind: row.kind as Domain['kind'] }
}
