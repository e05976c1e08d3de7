/** Which app may call which by name, inside the server. */
import type { Link, LinkReference } from '../domain/link.ts'
import { linkHost } from '../domain/link.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, type Statement, sql } from './database.ts'
import { batchOr } from './refusal.ts'

export interface Links {
  /** Of all apps, in any state: all of them are open. */
  list(): Promise<Link[]>
  /** Those that are live. */
  ofApp(app: string): Promise<Link[]>
  /** Noted as `coming`, beside those that it has. Throws `conflict` naming the app that a name leads to already. */
  prepare(app: string, links: readonly LinkReference[]): Promise<void>
  /** `coming` ones of the app go. */
  withdraw(app: string): Promise<void>
  /** Makes the live ones of the app equal to these. Throws as `prepare` does. */
  replace(app: string, links: readonly LinkReference[]): Promise<void>
  /** What a dead kernel had begun is undone. */
  interruptAll(): Promise<void>
}

export function createLinks(db: Database): Links {
  const put = (before: Statement[], app: string, links: readonly LinkReference[], state: Link['state']) => {
    const statements = [...before, sql(forgetUnused), ...links.flatMap((one) => insert(app, one, state))]
    return batchOr(db, statements, ({ kind }) => (kind === 'foreign-key' ? takenName(db, links) : null))
  }

  return {
    async list() {
      return (await db.query('SELECT * FROM links ORDER BY app, name')).map(link)
    },
    async ofApp(app) {
      return (await db.query("SELECT * FROM links WHERE app = ? AND state = 'live' ORDER BY name", [app])).map(link)
    },
    async prepare(app, links) {
      await put([], app, links, 'coming')
    },
    async withdraw(app) {
      await db.batch([sql("DELETE FROM links WHERE app = ? AND state = 'coming'", app)])
    },
    async replace(app, links) {
      await put([sql('DELETE FROM links WHERE app = ?', app)], app, links, 'live')
    },
    async interruptAll() {
      await db.batch([sql("DELETE FROM links WHERE state = 'coming'")])
    },
  }
}

/** As a release keeps them. */
export function linksText(links: readonly LinkReference[]): string {
  return JSON.stringify(links.map(({ name, target }) => ({ name, target })))
}

/** A name that nobody calls any more is free. */
const forgetUnused = `DELETE FROM internal_names
  WHERE NOT EXISTS (SELECT 1 FROM links WHERE links.name = internal_names.name)`

/** A name that leads elsewhere stays as it is; the link then refers to nothing, and is refused. */
function insert(app: string, { name, target }: LinkReference, state: Link['state']): Statement[] {
  return [
    sql('INSERT INTO internal_names (name, app) VALUES (?, ?) ON CONFLICT (name) DO NOTHING', name, target),
    sql('INSERT INTO links (app, name, target, state) VALUES (?, ?, ?, ?)', app, name, target, state),
  ]
}

async function takenName(db: Database, links: readonly LinkReference[]): Promise<UserError | null> {
  const named = 'SELECT internal_names.name, app, apps.name AS owner FROM internal_names JOIN apps ON apps.id = app'
  const rows = await db.query(named)
  const taken = rows.find((row) => links.some(({ name, target }) => name === row.name && target !== row.app))
  if (!taken) return null
  const what = `${linkHost({ name: String(taken.name) })} leads to the app ${taken.owner} already.`
  return new UserError('conflict', what, 'Another name: --as NAME')
}

function link(row: Result['rows'][number]): Link {
  return {
    app: String(row.app),
    name: String(row.name),
    target: String(row.target),
    state: row.state as Link['state'],
  }
}
