/** What backups need of databases. `switching.ts` is the implementation. */
import type { DatabaseDriver } from '../devices/classes/database.ts'
import type { Database } from '../domain/database.ts'
import type { RunningJob } from '../jobs/queue.ts'

export interface DatabaseAccess {
  driver(device: string): Promise<DatabaseDriver>
  /** One that is ready; null when there is none of this name. */
  find(name: string): Promise<Database | null>
  /** Devices that databases of this driver can live on, by name. */
  devicesOf(driver: string): Promise<string[]>
  /** Name of the driver of a device. */
  driverOf(device: string): Promise<string>
  /** An empty database of the device for a while; one that a dead kernel left is dropped by the next start. */
  scratch(device: string): Promise<Scratch>
  /** Makes a filled scratch database a new one of this name. Throws `conflict` when the name is taken. */
  keep(name: string, scratch: Scratch, actor: string): Promise<Database>
  /**
   * Makes a filled scratch database the content of this one. Apps that are attached get logins there and are rolled out;
   * only then the old content steps aside, as a database of its own with the returned name; null: it was lost before. Fails:
   * nothing has changed.
   */
  replace(database: Database, scratch: Scratch, job: RunningJob): Promise<{ readonly kept: string | null }>
}

export interface Scratch {
  readonly device: string
  readonly handle: string
  /** Not an error once it has become or replaced something. */
  drop(): Promise<void>
}
