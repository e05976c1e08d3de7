/** What the kernel keeps for devices, sealed. */
import { UserError } from '../errors.ts'
import { type Database, sql } from './database.ts'
import { batchOr } from './refusal.ts'
import type { Secrets } from './secrets.ts'

export interface DeviceSecrets {
  get(device: string, name: string): Promise<string | null>
  /** Null forgets it. Throws `not-found` when the device is gone. */
  set(device: string, name: string, value: string | null): Promise<void>
}

export function createDeviceSecrets(db: Database, secrets: Secrets): DeviceSecrets {
  const owner = (device: string, name: string) => `device/${device}/${name}`
  return {
    async get(device, name) {
      const text = 'SELECT value FROM device_secrets WHERE device = ? AND name = ?'
      const [row] = await db.query(text, [device, name])
      return row === undefined ? null : secrets.open(String(row.value), owner(device, name))
    },
    async set(device, name, value) {
      if (value === null) {
        await db.batch([sql('DELETE FROM device_secrets WHERE device = ? AND name = ?', device, name)])
        return
      }
      const text = `INSERT INTO device_secrets (device, name, value) VALUES (?, ?, ?)
        ON CONFLICT (device, name) DO UPDATE SET value = excluded.value`
      const insert = sql(text, device, name, secrets.seal(value, owner(device, name)))
      await batchOr(db, [insert], ({ kind }) => (kind === 'foreign-key' ? goneDevice(device) : null))
    },
  }
}

export function goneDevice(device: string): UserError {
  return new UserError('not-found', `The device ${device} is not there any more.`)
}
