/** Installed devices. */
import type { Device, DeviceClass } from '../domain/device.ts'
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
        as: row.as as Device['as'],
        version: row.version === null ? null : String(row.version),
        state: row.state as Device['state'],
        settings: JSON.parse(String(row.settings)),
        createdAt: String(row.created_at),
      }))
    },
    async add(device) {
      const insert = `INSERT INTO devices (name, driver, class, node, "as", version, state, settings, created_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`
      const { name, driver, node, version, state } = device
      const settings = JSON.stringify(device.settings)
      const rest = [device.as, version, state, settings, new Date().toISOString()] as const
      const statement = sql(insert, name, driver, device.class, node, ...rest)
      await batchOr(db, [statement], ({ kind }) => {
        if (kind === 'unique') return new UserError('conflict', `There is already a device named ${device.name}.`)
        return kind === 'foreign-key' ? new UserError('not-found', `There is no node named ${device.node}.`) : null
      })
    },
  }
}
