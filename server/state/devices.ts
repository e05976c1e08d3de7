/** Installed devices. */
import type { Device, DeviceClass } from '../domain/device.ts'
import { nearest } from '../domain/nearest.ts'
import { UserError } from '../errors.ts'
import { type Database, type Result, sql } from './database.ts'
import { batchOr } from './refusal.ts'

export interface Devices {
  list(): Promise<Device[]>
  /** Throws `not-found`, naming the nearest. */
  get(name: string): Promise<Device>
  /** Throws `conflict` when the name is taken. */
  add(device: Omit<Device, 'createdAt'>): Promise<void>
  /** What may change of it, from what was said anew; its state stays. */
  update(name: string, device: Pick<Device, 'version' | 'settings'>): Promise<void>
  /** Compare and set: false when it is in none of these states (any more). */
  move(name: string, from: readonly Device['state'][], to: Device['state']): Promise<boolean>
  /** With its secrets and endpoints. */
  remove(name: string): Promise<void>
}

export function createDevices(db: Database): Devices {
  const list = async () => (await db.query('SELECT * FROM devices ORDER BY name')).map(deviceOf)
  return {
    list,
    async get(name) {
      const devices = await list()
      const found = devices.find((device) => device.name === name)
      if (found !== undefined) return found
      const near = nearest(
        name,
        devices.map((device) => device.name),
      )
      const hint = near === null ? null : `Did you mean ${near}?`
      throw new UserError(
        'not-found',
        `There is no device named ${name}.`,
        hint ?? 'devices:list shows those that are.',
      )
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
    async update(name, { version, settings }) {
      const text = 'UPDATE devices SET version = ?, settings = ? WHERE name = ?'
      await db.batch([sql(text, version, JSON.stringify(settings), name)])
    },
    async move(name, from, to) {
      const text = 'UPDATE devices SET state = ? WHERE name = ? AND state IN (SELECT value FROM json_each(?))'
      const [result] = await db.batch([sql(text, to, name, JSON.stringify(from))])
      return result?.changes === 1
    },
    async remove(name) {
      await db.batch([sql('DELETE FROM devices WHERE name = ?', name)])
    },
  }
}

function deviceOf(row: Result['rows'][number]): Device {
  return {
    name: String(row.name),
    driver: String(row.driver),
    class: row.class as DeviceClass,
    node: String(row.node),
    as: row.as as Device['as'],
    version: row.version === null ? null : String(row.version),
    state: row.state as Device['state'],
    settings: JSON.parse(String(row.settings)),
    createdAt: String(row.created_at),
  }
}
