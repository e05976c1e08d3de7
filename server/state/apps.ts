/** Apps: their names, what serves, and their place in the address pool. */
import { randomBytes } from 'node:crypto'
import { type App, appNameProblem } from '../domain/app.ts'
import { nearest } from '../domain/nearest.ts'
import { UserError } from '../errors.ts'
import { revokeUnused, switchCredentials } from './attachments.ts'
import { type ConstraintError, type Database, type Result, sql } from './database.ts'
import { insertDefault, renameDefault, takenAddress } from './domains.ts'
import { batchOr, goneApp } from './refusal.ts'
import type { Apps } from './store.ts'

export function createApps(db: Database): Apps {
  const one = async (column: 'id' | 'name', value: string) => {
    const [row] = await db.query(`SELECT * FROM apps WHERE ${column} = ?`, [value])
    return row ? app(row) : null
  }

  return {
    async list() {
      return (await db.query('SELECT * FROM apps ORDER BY name')).map(app)
    },
    async get(name) {
      return (await one('name', name)) ?? Promise.reject(await unknownApp(db, name))
    },
    find: (name) => one('name', name),
    byId: (id) => one('id', id),
    async create(name, actor) {
      checkName(name)
      const id = randomBytes(4).toString('hex')
      const createdAt = new Date().toISOString()
      const insert = sql(
        'INSERT INTO apps (id, name, created_at, created_by) VALUES (?, ?, ?, ?)',
        id,
        name,
        createdAt,
        actor,
      )
      await batchOr(db, [insert, insertDefault(id, name)], (error) => takenName(db, name, error))
      return {
        id,
        name,
        branch: null,
        release: null,
        group: null,
        stopped: false,
        subnet: null,
        createdAt,
        createdBy: actor,
      }
    },
    async rename(id, name) {
      checkName(name)
      const statements = [sql('UPDATE apps SET name = ? WHERE id = ?', name, id), ...renameDefault(id, name)]
      const [renamed] = await batchOr(db, statements, (error) => takenName(db, name, error))
      if (!renamed?.changes) throw goneApp()
    },
    async destroy(id) {
      const revoke = "UPDATE credentials SET state = 'revoking' WHERE app = ?"
      await batchOr(db, [sql(revoke, id), sql('DELETE FROM apps WHERE id = ?', id)], ({ kind }) =>
        kind === 'foreign-key'
          ? new UserError('conflict', 'Another app calls this one.', 'See which: links:list')
          : null,
      )
    },
    async claimBranch(id, branch) {
      const claim = 'UPDATE apps SET branch = ? WHERE id = ? AND (branch IS NULL OR branch = ?)'
      const [result] = await db.batch([sql(claim, branch, id, branch)])
      return result?.changes === 1
    },
    async serve(id, release, group) {
      const statements = [
        sql("UPDATE releases SET state = 'served' WHERE app = ? AND version = ?", id, release),
        sql(
          'UPDATE apps SET release = ?, "group" = ?, served_at = ?, stopped = 0 WHERE id = ?',
          release,
          group,
          new Date().toISOString(),
          id,
        ),
        ...switchCredentials(id),
        revokeUnused(id, release),
      ]
      const [, served] = await batchOr(db, statements, ({ kind }) =>
        kind === 'foreign-key' ? new UserError('not-found', `The app has no release v${release}.`) : null,
      )
      if (!served?.changes) throw goneApp()
    },
    async servedSince(id, at) {
      return (await db.query('SELECT 1 FROM apps WHERE id = ? AND served_at >= ?', [id, at])).length > 0
    },
    async setStopped(id, stopped) {
      const [result] = await db.batch([sql('UPDATE apps SET stopped = ? WHERE id = ?', stopped ? 1 : 0, id)])
      if (!result?.changes) throw goneApp()
    },
    async assignSubnet(id, size) {
      const lowestFree = `UPDATE apps SET subnet = (
          SELECT min(free) FROM (SELECT 0 AS free UNION SELECT subnet + 1 FROM apps WHERE subnet IS NOT NULL)
          WHERE free < ? AND free NOT IN (SELECT subnet FROM apps WHERE subnet IS NOT NULL)
        ) WHERE id = ? AND subnet IS NULL`
      await db.batch([sql(lowestFree, size, id)])
      const chosen = await one('id', id)
      if (!chosen) throw goneApp()
      if (chosen.subnet !== null) return chosen.subnet
      throw new UserError(
        'unavailable',
        `All ${size} networks of the address pool are in use.`,
        'Destroy an app, or set MEGAPOLOS_POOL to a larger block.',
      )
    },
  }
}

function checkName(name: string): void {
  const problem = appNameProblem(name)
  if (problem) throw new UserError('usage', `The app name ${name} ${problem}.`)
}

async function unknownApp(db: Database, name: string): Promise<UserError> {
  const names = (await db.query('SELECT name FROM apps')).map((row) => String(row.name))
  const meant = nearest(name, names)
  const hint = meant ? `Did you mean ${meant}?` : 'megapolos apps:list shows all apps.'
  return new UserError('not-found', `There is no app named ${name}.`, hint)
}

async function takenName(db: Database, name: string, error: ConstraintError): Promise<UserError | null> {
  if (error.column === 'apps.name') return new UserError('conflict', `There is already an app named ${name}.`)
  if (error.column !== 'domains.host') return null
  const [row] = await db.query("SELECT ? || '.' || value AS host FROM settings WHERE name = 'global-domain'", [name])
  return takenAddress(db, [String(row?.host)])
}

function app(row: Result['rows'][number]): App {
  return {
    id: String(row.id),
    name: String(row.name),
    branch: row.branch as string | null,
    release: row.release as number | null,
    group: row.group as string | null,
    stopped: row.stopped === 1,
    subnet: row.subnet as number | null,
    createdAt: String(row.created_at),
    createdBy: String(row.created_by),
  }
}
