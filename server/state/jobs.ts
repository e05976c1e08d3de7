/** Jobs: rows that outlive the kernel that runs them. */
import { type Job, type JobState, jobLease, nextJobStates } from '../domain/job.ts'
import { type Database, type Result, sql, type Value } from './database.ts'
import type { Jobs } from './store.ts'

export function createJobs(db: Database): Jobs {
  return {
    async create({ kind, app, actor, state }) {
      const at = new Date()
      const running = state === 'running'
      const insert = `INSERT INTO jobs (kind, app, state, actor, created_at, started_at, lease_until)
        VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *`
      const [result] = await db.batch([
        sql(
          insert,
          kind,
          app,
          state,
          actor,
          at.toISOString(),
          running ? at.toISOString() : null,
          running ? lease(at) : null,
        ),
      ])
      const [row] = result?.rows ?? []
      if (!row) throw new Error('The store returned no row for a new job.')
      return job(row)
    },
    async move(id, from, to, outcome) {
      if (!nextJobStates[from].includes(to)) throw new Error(`A job may not go from ${from} to ${to}.`)
      const at = new Date()
      const change =
        to === 'running'
          ? sql(
              'UPDATE jobs SET state = ?, started_at = ?, lease_until = ? WHERE id = ? AND state = ?',
              to,
              at.toISOString(),
              lease(at),
              id,
              from,
            )
          : sql(
              `UPDATE jobs SET state = ?, ended_at = ?, lease_until = NULL, result = coalesce(?, result),
                 operations = coalesce(?, operations) WHERE id = ? AND state = ?`,
              to,
              at.toISOString(),
              outcome?.result ?? null,
              outcome ? JSON.stringify(outcome.operations) : null,
              id,
              from,
            )
      const [result] = await db.batch([change])
      return result?.changes === 1
    },
    async heartbeat(ids, until) {
      const extend = `UPDATE jobs SET lease_until = ? WHERE state = 'running' AND id IN (SELECT value FROM json_each(?))`
      await db.batch([sql(extend, until, JSON.stringify(ids))])
    },
    async record(id, operations) {
      await db.batch([
        sql("UPDATE jobs SET operations = ? WHERE id = ? AND state = 'running'", JSON.stringify(operations), id),
      ])
    },
    async get(id) {
      const [row] = await db.query('SELECT * FROM jobs WHERE id = ?', [id])
      return row ? job(row) : null
    },
    async list({ app, active, limit }) {
      const conditions = [app && 'app = ?', active && "state IN ('queued', 'running')"].filter(Boolean)
      const where = conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''
      const values: Value[] = app ? [app, limit] : [limit]
      return (await db.query(`SELECT * FROM jobs ${where} ORDER BY id DESC LIMIT ?`, values)).map(job)
    },
    async interruptAll(result) {
      const interrupt = `UPDATE jobs SET state = 'interrupted', ended_at = ?, lease_until = NULL, result = ?
        WHERE state IN ('queued', 'running') RETURNING *`
      const [interrupted] = await db.batch([sql(interrupt, new Date().toISOString(), result)])
      return (interrupted?.rows ?? []).map(job)
    },
    async outlines() {
      const rows = await db.query('SELECT id, app, state, created_at FROM jobs ORDER BY id DESC')
      return rows.map((row) => ({
        id: Number(row.id),
        app: row.app as string | null,
        active: row.state === 'queued' || row.state === 'running',
        createdAt: String(row.created_at),
      }))
    },
    async forget(ids) {
      const these = 'id IN (SELECT value FROM json_each(?))'
      const list = JSON.stringify(ids)
      const unnamed = 'id NOT IN (SELECT build FROM releases WHERE build IS NOT NULL)'
      await db.batch([
        sql(`DELETE FROM builds WHERE ${these} AND state <> 'running' AND ${unnamed}`, list),
        sql(
          `DELETE FROM jobs WHERE ${these} AND state NOT IN ('queued', 'running') AND id NOT IN (SELECT id FROM builds)`,
          list,
        ),
      ])
      const left = new Set((await db.query(`SELECT id FROM jobs WHERE ${these}`, [list])).map((row) => Number(row.id)))
      return ids.filter((id) => !left.has(id))
    },
  }
}

function lease(from: Date): string {
  return new Date(from.getTime() + jobLease).toISOString()
}

function job(row: Result['rows'][number]): Job {
  return {
    id: Number(row.id),
    kind: String(row.kind),
    app: row.app as string | null,
    state: row.state as JobState,
    actor: String(row.actor),
    operations: JSON.parse(String(row.operations)),
    result: row.result as string | null,
    createdAt: String(row.created_at),
    startedAt: row.started_at as string | null,
    endedAt: row.ended_at as string | null,
  }
}
