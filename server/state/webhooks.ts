/** Who is told of bad news. */
import type { Webhook } from '../domain/webhook.ts'
import { type Database, sql } from './database.ts'
import type { Secrets } from './secrets.ts'

/** Sealed in the store. */
export interface Webhooks {
  list(): Promise<Webhook[]>
  add(url: string, actor: string): Promise<Webhook>
  remove(id: number): Promise<boolean>
}

const owner = 'webhook'

export function createWebhooks(db: Database, secrets: Secrets): Webhooks {
  return {
    async list() {
      return (await db.query('SELECT * FROM webhooks ORDER BY id')).map((row) => ({
        id: Number(row.id),
        url: secrets.open(String(row.url), owner),
        createdAt: String(row.created_at),
        createdBy: String(row.created_by),
      }))
    },
    async add(url, actor) {
      const insert = 'INSERT INTO webhooks (url, created_at, created_by) VALUES (?, ?, ?) RETURNING id'
      const at = new Date().toISOString()
      const [result] = await db.batch([sql(insert, secrets.seal(url, owner), at, actor)])
      return { id: Number(result?.rows[0]?.id), url, createdAt: at, createdBy: actor }
    },
    async remove(id) {
      const [result] = await db.batch([sql('DELETE FROM webhooks WHERE id = ?', id)])
      return result?.changes === 1
    },
  }
}
