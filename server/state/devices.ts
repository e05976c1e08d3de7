/** Installed devices. */
import type { DeviceClass } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import { type Database, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Devices } from './store.ts'

export function createDevices(db: Database): Devices {
  return {
    async list() {
      return (await db.query('SELECT * FROM devices ORDER BY name')).map((row) => ({
        name: String(row.name),
        driver: String(row.driver),
        class: row.class as DeviceClass,
        node: String(row.node),
        createdAt: String(row.created_at),
      }))
    },
    async add(device) {
      const insert = 'INSERT INTO devices (name, driver, class, node, created_at) VALUES (?, ?, ?, ?, ?)'
      const statement = sql(insert, device.name, device.driver, device.class, device.node, new Date().toISOString())
      await batchOr(db, [statement], ({ kind }) => {
        if (kind === 'unique') return new UserError('conflict', `There is already a device named ${device.name}.`)
        return kind === 'foreign-key' ? new UserError('not-found', `There is no node named ${device.node}.`) : null
      })
    },
  }
}
