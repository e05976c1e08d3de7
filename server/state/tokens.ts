/** Tokens for git over HTTP, by their hashes. */
import type { Role, Token } from '../domain/access.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Tokens } from './store.ts'

const columns = `SELECT name, role, every_app, expires_at, last_used_at, created_at,
  (SELECT json_group_array(app) FROM token_apps WHERE token = tokens.name) AS apps FROM tokens`

export function createTokens(db: Database): Tokens {
  return {
    async list() {
      return (await db.query(`${columns} ORDER BY name`)).map(token)
    },
    async byHash(hash) {
      const [row] = await db.query(`${columns} WHERE hash = ?`, [hash])
      return row ? token(row) : null
    },
    async add({ name, role, apps, expiresAt }, hash) {
      const createdAt = new Date().toISOString()
      const insert =
        'INSERT INTO tokens (name, hash, role, every_app, expires_at, created_at) VALUES (?, ?, ?, ?, ?, ?)'
      const statements = [
        sql(insert, name, hash, role, apps ? 0 : 1, expiresAt, createdAt),
        ...(apps ?? []).map((app) => sql('INSERT INTO token_apps (token, app) VALUES (?, ?)', name, app)),
      ]
      await batchOr(db, statements, ({ column }) =>
        column === 'tokens.name'
          ? new UserError(
              'conflict',
              `There is already a token named ${name}.`,
              `Revoke it first: tokens:revoke ${name}`,
            )
          : null,
      )
      return { name, role, apps, expiresAt, lastUsedAt: null, createdAt }
    },
    async used(name, at) {
      await db.batch([sql('UPDATE tokens SET last_used_at = ? WHERE name = ?', at, name)])
    },
    async revoke(name) {
      const [result] = await db.batch([sql('DELETE FROM tokens WHERE name = ?', name)])
      return result?.changes === 1
    },
  }
}

function token(row: Result['rows'][number]): Token {
  return {
    name: String(row.name),
    role: row.role as Role,
    apps: row.every_app === 1 ? null : (JSON.parse(String(row.apps)) as string[]),
    expiresAt: String(row.expires_at),
    lastUsedAt: row.last_used_at as string | null,
    createdAt: String(row.created_at),
  }
}
