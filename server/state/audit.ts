/** The audit log: nothing in it changes, and only its oldest lines ever go. */
import type { Role } from '../domain/access.ts'
import { type Database, sql } from './database.ts'

/** People call an app by its name, git's hook by its id; who gave it the name is asked as well. */
const ofApp = `(json_extract(args, '$.app') = ?
  OR (command = 'apps:rename' AND json_extract(args, '$.name') = ?)
  OR EXISTS (SELECT 1 FROM apps WHERE apps.name = ? AND json_extract(args, '$.repository') IN (apps.id, apps.name)))`
/** Numbers are given one after another, so the newest ones can be counted by them. */
const expired = 'id <= (SELECT max(id) FROM audit) - ? OR at < ?'

export interface AuditEntry {
  readonly at: string
  readonly actor: string
  readonly role: Role
  readonly door: string
  readonly from: string | null
  readonly command: string
  /** JSON with secret arguments masked. */
  readonly args: string
  /** `ok`, or the error's code. */
  readonly result: string
}

export interface Audit {
  add(entry: AuditEntry): Promise<void>
  /** Newest first. `app` is a name: those that say it, and those of the app that has it now. */
  list(filter: { readonly app?: string; readonly limit: number }): Promise<AuditEntry[]>
  /** How many are beyond the newest `keep`, or from before `before` (ISO 8601). */
  expired(keep: number, before: string): Promise<number>
  /** Removes those. */
  expire(keep: number, before: string): Promise<void>
}

export function createAudit(db: Database): Audit {
  return {
    async add({ at, actor, role, door, from, command, args, result }) {
      const insert = `INSERT INTO audit (at, actor, role, door, "from", command, args, result)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
      await db.batch([sql(insert, at, actor, role, door, from, command, args, result)])
    },
    async list({ app, limit }) {
      const rows =
        app === undefined
          ? await db.query('SELECT * FROM audit ORDER BY id DESC LIMIT ?', [limit])
          : await db.query(`SELECT * FROM audit WHERE ${ofApp} ORDER BY id DESC LIMIT ?`, [app, app, app, limit])
      return rows.map((row) => ({
        at: String(row.at),
        actor: String(row.actor),
        role: row.role as Role,
        door: String(row.door),
        from: row.from as string | null,
        command: String(row.command),
        args: String(row.args),
        result: String(row.result),
      }))
    },
    async expired(keep, before) {
      const [row] = await db.query(`SELECT count(*) AS count FROM audit WHERE ${expired}`, [keep, before])
      return Number(row?.count)
    },
    async expire(keep, before) {
      await db.batch([sql(`DELETE FROM audit WHERE ${expired}`, keep, before)])
    },
  }
}
