/** What admins granted to drivers that run as containers. */
import type { Approval, Privilege } from '../domain/device.ts'
import { type Database, sql } from './database.ts'

export interface Approvals {
  get(driver: string): Promise<Approval | null>
  /** In the place of an earlier one. */
  set(approval: Omit<Approval, 'approvedAt'>): Promise<void>
  /** Not an error when there is none. */
  remove(driver: string): Promise<void>
}

export function createApprovals(db: Database): Approvals {
  return {
    async get(driver) {
      const [row] = await db.query('SELECT * FROM driver_approvals WHERE driver = ?', [driver])
      if (!row) return null
      return {
        driver: String(row.driver),
        digest: String(row.digest),
        privileges: JSON.parse(String(row.privileges)) as Privilege[],
        approvedBy: String(row.approved_by),
        approvedAt: String(row.approved_at),
      } satisfies Approval
    },
    async set({ driver, digest, privileges, approvedBy }) {
      const upsert = `INSERT INTO driver_approvals (driver, digest, privileges, approved_by, approved_at)
        VALUES (?, ?, ?, ?, ?) ON CONFLICT (driver) DO UPDATE SET digest = excluded.digest,
        privileges = excluded.privileges, approved_by = excluded.approved_by, approved_at = excluded.approved_at`
      const now = new Date().toISOString()
      await db.batch([sql(upsert, driver, digest, JSON.stringify(privileges), approvedBy, now)])
    },
    async remove(driver) {
      await db.batch([sql('DELETE FROM driver_approvals WHERE driver = ?', driver)])
    },
  }
}
