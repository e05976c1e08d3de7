/** Databases on devices, and those that somebody works in for a while. */
import type { Database as Row } from '../domain/database.ts'
import { nearest } from '../domain/nearest.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Databases } from './store-attachments.ts'

export function createDatabases(db: Database): Databases {
  const find = async (name: string) => {
    const [row] = await db.query('SELECT * FROM databases WHERE name = ?', [name])
    return row ? database(row) : null
  }

  return {
    async list() {
      return (await db.query('SELECT * FROM databases ORDER BY name')).map(database)
    },
    async on(device) {
      const rows = await db.query('SELECT name FROM databases WHERE device = ? ORDER BY name', [device])
      return rows.map(({ name }) => String(name))
    },
    find,
    async get(name) {
      return (await find(name)) ?? Promise.reject(await unknown(db, name))
    },
    add: (wanted) => insert(db, wanted, 'creating'),
    async ready(name) {
      await db.batch([sql("UPDATE databases SET state = 'ready' WHERE name = ? AND state = 'creating'", name)])
    },
    async condemn(name) {
      const update = `UPDATE databases SET state = 'destroying' WHERE name = ?
        AND NOT EXISTS (SELECT 1 FROM attachments WHERE database = databases.name)
        AND NOT EXISTS (SELECT 1 FROM credentials WHERE database = databases.name AND state <> 'revoking')
        AND NOT EXISTS (SELECT 1 FROM scratch_databases WHERE replaces = databases.name)`
      const [result] = await db.batch([sql(update, name)])
      return result?.changes === 1
    },
    async remove(name) {
      await db.batch([
        sql("DELETE FROM credentials WHERE database = ? AND state = 'revoking'", name),
        sql("DELETE FROM backup_schedules WHERE kind = 'database' AND subject = ?", name),
        sql("DELETE FROM databases WHERE name = ? AND state = 'destroying'", name),
      ])
    },
    async interruptAll() {
      await db.batch([
        sql("UPDATE databases SET state = 'destroying' WHERE state = 'creating'"),
        sql("UPDATE credentials SET state = 'revoking' WHERE state = 'granting'"),
        sql('UPDATE scratch_databases SET abandoned = 1'),
      ])
    },

    async unfinished() {
      const [row] = await db.query(`SELECT EXISTS (SELECT 1 FROM databases WHERE state = 'destroying')
        OR EXISTS (SELECT 1 FROM credentials WHERE state = 'revoking')
        OR EXISTS (SELECT 1 FROM scratch_databases WHERE abandoned = 1) AS found`)
      return row?.found === 1
    },

    async addScratch(device, handle) {
      await batchOr(
        db,
        [sql('INSERT INTO scratch_databases (device, handle) VALUES (?, ?)', device, handle)],
        () => new UserError('not-found', `There is no device named ${device}.`),
      )
    },
    async scratches() {
      return (await db.query('SELECT * FROM scratch_databases')).map((row) => ({
        device: String(row.device),
        handle: String(row.handle),
        replaces: row.replaces as string | null,
        abandoned: row.abandoned === 1,
      }))
    },
    async abandonScratch(device, handle) {
      await db.batch([
        sql('UPDATE scratch_databases SET abandoned = 1 WHERE device = ? AND handle = ?', device, handle),
      ])
    },
    async removeScratch(device, handle) {
      await db.batch([sql('DELETE FROM scratch_databases WHERE device = ? AND handle = ?', device, handle)])
    },
    keep: (wanted) => insert(db, wanted, 'ready'),
    async intend(handle, replaces) {
      await db.batch([sql('UPDATE scratch_databases SET replaces = ? WHERE handle = ?', replaces, handle)])
    },
    async halfSwitched() {
      const moved = `SELECT replaces FROM scratch_databases s WHERE EXISTS (
        SELECT 1 FROM credentials WHERE database = s.replaces AND handle = s.handle AND state = 'live')`
      return (await db.query(moved)).map(({ replaces }) => String(replaces))
    },
    async found(name, handle) {
      await db.batch([
        sql('UPDATE databases SET handle = ?, lost = 0 WHERE name = ? AND lost = 1', handle, name),
        sql('DELETE FROM scratch_databases WHERE handle = ?', handle),
      ])
    },
    async switchTo({ name, device, handle }, to, kept) {
      const now = new Date().toISOString()
      const keep = `INSERT INTO databases (name, device, handle, state, created_at, created_by)
        SELECT ?, device, ?, 'ready', ?, created_by FROM databases WHERE name = ?`
      // The handle moves first: two rows of a device never have the same one.
      await batchOr(
        db,
        [
          sql('UPDATE databases SET handle = ? WHERE name = ? AND handle = ?', to, name, handle),
          sql(keep, kept, handle, now, name),
          sql('UPDATE credentials SET database = ? WHERE database = ? AND handle = ?', kept, name, handle),
          sql('DELETE FROM scratch_databases WHERE device = ? AND handle = ?', device, to),
        ],
        ({ kind }) =>
          kind === 'unique' ? new UserError('conflict', `There is already a database named ${kept}.`) : null,
      )
    },
  }
}

/** A scratch database of this handle is none any more. */
async function insert(db: Database, wanted: Wanted, state: Row['state']): Promise<Row> {
  const { name, device, handle, createdBy } = wanted
  const createdAt = new Date().toISOString()
  const row = `INSERT INTO databases (name, device, handle, state, created_at, created_by) VALUES (?, ?, ?, ?, ?, ?)`
  const statements = [
    sql(row, name, device, handle, state, createdAt, createdBy),
    sql('DELETE FROM scratch_databases WHERE device = ? AND handle = ?', device, handle),
  ]
  await batchOr(db, statements, ({ kind }) => {
    if (kind === 'unique') return new UserError('conflict', `There is already a database named ${name}.`)
    return kind === 'foreign-key' ? new UserError('not-found', `There is no device named ${device}.`) : null
  })
  return { ...wanted, state, lost: false, createdAt }
}

type Wanted = Omit<Row, 'state' | 'lost' | 'createdAt'>

async function unknown(db: Database, name: string): Promise<UserError> {
  const names = (await db.query('SELECT name FROM databases')).map((row) => String(row.name))
  const meant = nearest(name, names)
  const hint = meant ? `Did you mean ${meant}?` : 'megapolos db:list shows all databases.'
  return new UserError('not-found', `There is no database named ${name}.`, hint)
}

function database(row: Result['rows'][number]): Row {
  return {
    name: String(row.name),
    device: String(row.device),
    handle: String(row.handle),
    state: row.state as Row['state'],
    lost: row.lost === 1,
    createdAt: String(row.created_at),
    createdBy: String(row.created_by),
  }
}
