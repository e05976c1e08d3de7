/** What a driver is given, and what it gives. A driver's `index.ts` exports `createDriver(host): <its class's interface>`. */
import type { Log } from '../log.ts'

export interface DriverHost {
  /** Folder of the device, made with mode 0700; the driver keeps its files there. */
  readonly folder: string
  /** Short name of this installation, for things that share a machine with another one. */
  readonly system: string
  readonly settings: Readonly<Record<string, string | number>>
  /** Engine API socket; only with the privilege `engine`. */
  readonly engineSocket?: string
  readonly log: Log
}

export type CreateDriver<T> = (host: DriverHost) => T
