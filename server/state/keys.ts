/** SSH keys and the role of each. */
import type { Key, Role } from '../domain/access.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Keys } from './store.ts'

export function createKeys(db: Database): Keys {
  const one = async (column: 'name' | 'fingerprint', value: string) => {
    const [row] = await db.query(`SELECT * FROM keys WHERE ${column} = ?`, [value])
    return row ? key(row) : null
  }

  return {
    async list() {
      return (await db.query('SELECT * FROM keys ORDER BY name')).map(key)
    },
    byName: (name) => one('name', name),
    async add({ name, fingerprint, publicKey, role }) {
      const createdAt = new Date().toISOString()
      const insert = 'INSERT INTO keys (name, fingerprint, public_key, role, created_at) VALUES (?, ?, ?, ?, ?)'
      await batchOr(db, [sql(insert, name, fingerprint, publicKey, role, createdAt)], async ({ column }) => {
        if (column === 'keys.name') return new UserError('conflict', `There is already a key named ${name}.`)
        const owner = column === 'keys.fingerprint' ? await one('fingerprint', fingerprint) : null
        return owner && new UserError('conflict', `This key is there already, under the name ${owner.name}.`)
      })
      return { name, fingerprint, publicKey, role, createdAt }
    },
    async remove(name) {
      const [result] = await db.batch([sql('DELETE FROM keys WHERE name = ?', name)])
      return result?.changes === 1
    },
  }
}

function key(row: Result['rows'][number]): Key {
  return {
    name: String(row.name),
    fingerprint: String(row.fingerprint),
    publicKey: String(row.public_key),
    role: row.role as Role,
    createdAt: String(row.created_at),
  }
}
