/** What a driver's own test gives the suite. */
import type { DatabaseDriver, Login, Reach } from '../../server/devices/classes/database.ts'
import type { Promises } from './promises.ts'

export interface DatabaseUnderTest {
  /** Installed, and running. */
  readonly driver: DatabaseDriver
  /** Another driver of the same device, as the kernel has after its restart. */
  again(): DatabaseDriver | Promise<DatabaseDriver>
  /** Does once more what installed it. */
  install(): Promise<void>
  /** Null: the promises that need one are not tried. */
  readonly client: DatabaseClient | null
  /** SIGKILL to all of the server, as a machine short of memory sends it; somebody starts it again. */
  readonly kill: (() => Promise<void>) | null
  /** Stops all of the server's processes without ending them; what it returns lets them go on. */
  readonly freeze: (() => Promise<() => Promise<void>>) | null
  /** Seconds that any call may take. */
  readonly patience: number
  /** Ends it for good and removes what it left. */
  remove(): Promise<void>
}

export type DatabasePromises = Promises<DatabaseUnderTest>

/** The suite does not know what the server speaks: this does. Each class member writes it for its own protocol. */
export interface DatabaseClient {
  /** Comes in as an app does, with TLS where the server has it. Rejects when it is not let in. */
  open(reach: Reach, login: Login): Promise<Session>
}

export interface Session {
  /** All of them or none. */
  write(values: Readonly<Record<string, string>>): Promise<void>
  /** Null when there is none. */
  read(key: string): Promise<string | null>
  remove(key: string): Promise<void>
  /** Writes this much that cannot be packed smaller, in many rows. */
  fill(mebibytes: number): Promise<void>
  /** Adds something besides rows, such as an index; `undefine` takes it away. Null where the server has nothing of the kind. */
  readonly define: (() => Promise<void>) | null
  readonly undefine: (() => Promise<void>) | null
  close(): Promise<void>
}
