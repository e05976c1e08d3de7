/** What happened: the newest 10,000. */
import type { Event, EventKind } from '../domain/event.ts'
import { type Database, type Result, sql } from './database.ts'
import type { Events } from './store.ts'

const kept = 10_000

export function createEvents(db: Database): Events {
  return {
    async add(events) {
      if (events.length === 0) return
      const insert = 'INSERT INTO events (at, kind, app, app_name, job, text) VALUES (?, ?, ?, ?, ?, ?)'
      await db.batch([
        ...events.map(({ at, kind, app, appName, job, text }) => sql(insert, at, kind, app, appName, job, text)),
        sql('DELETE FROM events WHERE id <= (SELECT max(id) FROM events) - ?', kept),
      ])
    },
    async list({ app, after = 0, limit }) {
      const ofApp = 'AND (app = (SELECT id FROM apps WHERE name = ?) OR app_name = ?)'
      const values = app === undefined ? [after, limit] : [after, app, app, limit]
      const query = `SELECT * FROM events WHERE id > ? ${app === undefined ? '' : ofApp} ORDER BY id DESC LIMIT ?`
      return (await db.query(query, values)).map(event).reverse()
    },
    async lastOf(kind) {
      return (await db.query('SELECT * FROM events WHERE kind = ? ORDER BY id DESC LIMIT 1', [kind])).map(event)[0]
    },
  }
}

function event(row: Result['rows'][number]): Event {
  return {
    id: Number(row.id),
    at: String(row.at),
    kind: row.kind as EventKind,
    app: row.app as string | null,
    appName: row.app_name as string | null,
    job: row.job as number | null,
    text: String(row.text),
  }
}
