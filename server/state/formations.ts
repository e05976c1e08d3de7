/** How many of each process type run. */
import { type Database, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Formations } from './store.ts'

const upsert = `INSERT INTO formations (app, process, quantity, memory) VALUES (?, ?, ?, ?)
  ON CONFLICT (app, process) DO UPDATE SET quantity = excluded.quantity, memory = excluded.memory`

export function createFormations(db: Database): Formations {
  return {
    async get(app) {
      const rows = await db.query('SELECT process, quantity, memory FROM formations WHERE app = ? ORDER BY process', [
        app,
      ])
      return Object.fromEntries(
        rows.map((row) => [String(row.process), { quantity: Number(row.quantity), memory: Number(row.memory) }]),
      )
    },
    async set(app, scales) {
      const statements = Object.entries(scales).map(([process, { quantity, memory }]) =>
        sql(upsert, app, process, quantity, memory),
      )
      await batchOr(db, statements, () => null)
    },
  }
}
