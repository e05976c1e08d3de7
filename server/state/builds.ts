/** Builds: what became of each pushed tree. */
import type { Build, BuildState } from '../domain/build.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Builds } from './store.ts'

export function createBuilds(db: Database): Builds {
  return {
    async start({ id, app, commit, tree }) {
      const insert = `INSERT INTO builds (id, app, "commit", tree, state, started_at) VALUES (?, ?, ?, ?, 'running', ?)`
      const now = new Date().toISOString()
      // Only one at a time builds an app: another one has ended, but the store was away when that was to be written.
      const endOthers = `UPDATE builds SET state = 'interrupted', ended_at = ? WHERE app = ? AND state = 'running'`
      await batchOr(db, [sql(endOthers, now, app), sql(insert, id, app, commit, tree, now)], () => null)
    },
    async setBuildpack(id, buildpack) {
      await db.batch([sql('UPDATE builds SET buildpack = ? WHERE id = ?', buildpack, id)])
    },
    async end(id, state, result, reused) {
      const end = `UPDATE builds SET state = ?, result = ?, reused = ?, ended_at = ? WHERE id = ? AND state = 'running'`
      await db.batch([sql(end, state, result, reused ? 1 : 0, new Date().toISOString(), id)])
    },
    async list(app, limit) {
      const rows = app
        ? await db.query('SELECT * FROM builds WHERE app = ? ORDER BY id DESC LIMIT ?', [app, limit])
        : await db.query('SELECT * FROM builds ORDER BY id DESC LIMIT ?', [limit])
      return rows.map(build)
    },
    async get(id) {
      const [row] = await db.query('SELECT * FROM builds WHERE id = ?', [id])
      return row ? build(row) : null
    },
    async interruptAll() {
      const interrupt = "UPDATE builds SET state = 'interrupted', ended_at = ? WHERE state = 'running'"
      await db.batch([sql(interrupt, new Date().toISOString())])
    },
  }
}

function build(row: Result['rows'][number]): Build {
  return {
    id: Number(row.id),
    app: String(row.app),
    commit: String(row.commit),
    tree: String(row.tree),
    buildpack: row.buildpack as string | null,
    state: row.state as BuildState,
    reused: row.reused === 1,
    result: row.result as string | null,
    startedAt: String(row.started_at),
    endedAt: row.ended_at as string | null,
  }
}
