/** One way of writing DNS records, and what is written. */
import type { DriverHost } from '../../server/devices/driver.ts'

export interface TxtRecord {
  readonly name: string
  readonly value: string
}

export type Host = Pick<DriverHost, 'folder' | 'log' | 'node' | 'secrets'>

/** One way of writing; `remove` is no error when there is none. */
export interface Writer {
  readonly check: () => Promise<void>
  readonly write: (action: 'add' | 'remove', record: TxtRecord, signal: AbortSignal) => Promise<void>
}
