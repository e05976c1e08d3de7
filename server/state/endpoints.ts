/** Private addresses of devices: a number in the block that the pool sets apart for them. */
import { UserError } from '../errors.ts'
import { ConstraintError, type Database, sql } from './database.ts'
import { goneDevice } from './device-secrets.ts'

export interface EndpointRow {
  readonly device: string
  readonly name: string
  /** 1 … 1022. */
  readonly host: number
  readonly port: number
}

export interface Endpoints {
  list(): Promise<EndpointRow[]>
  /** Its number, the same one for ever; the lowest free one when it is new. */
  reserve(device: string, name: string, port: number): Promise<number>
  release(device: string, name: string): Promise<void>
}

export function createEndpoints(db: Database): Endpoints {
  const hostOf = async (device: string, name: string) => {
    const [row] = await db.query('SELECT host, port FROM endpoints WHERE device = ? AND name = ?', [device, name])
    return row === undefined ? null : { host: Number(row.host), port: Number(row.port) }
  }
  return {
    async list() {
      return (await db.query('SELECT * FROM endpoints ORDER BY host')).map((row) => ({
        device: String(row.device),
        name: String(row.name),
        host: Number(row.host),
        port: Number(row.port),
      }))
    },
    async reserve(device, name, port) {
      const known = await hostOf(device, name)
      if (known?.port === port) return known.host
      try {
        await db.batch([sql(insertOrKeep, device, name, port)])
      } catch (error) {
        if (!(error instanceof ConstraintError)) throw error
        if (error.kind === 'foreign-key') throw goneDevice(device)
        if (error.kind === 'not-null') throw new UserError('unavailable', 'All addresses for devices are taken.')
        throw error
      }
      const made = await hostOf(device, name)
      if (made === null) throw goneDevice(device)
      return made.host
    },
    async release(device, name) {
      await db.batch([sql('DELETE FROM endpoints WHERE device = ? AND name = ?', device, name)])
    },
  }
}

/** In one statement, so that two who ask at the same time never get the same. */
const insertOrKeep = `
  INSERT INTO endpoints (device, name, host, port)
  VALUES (?, ?, (
    SELECT min(free) FROM (
      SELECT 1 AS free UNION ALL SELECT host + 1 FROM endpoints WHERE host < 1022
    ) WHERE free NOT IN (SELECT host FROM endpoints)
  ), ?)
  ON CONFLICT (device, name) DO UPDATE SET port = excluded.port`
