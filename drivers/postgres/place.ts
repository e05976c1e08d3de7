/** Where the server lives, and how its programs are run there. One file for each of the ways: container, node, adopted. */
import type { ConnectCommand } from '../../server/devices/classes/database.ts'
import type { Endpoint, ExecOptions, Process } from '../../server/devices/driver.ts'

export interface Place {
  /** Runs a program that is there; `command` begins with its path. */
  exec(options: ExecOptions): Promise<Process>
  /** `psql` and the like → its path. */
  program(name: string): string
  /** What lets libpq in as the superuser. */
  readonly admin: Readonly<Record<string, string>>
  /** What lets it in as somebody else, with `PGUSER` and `PGPASSWORD` added. */
  readonly door: Readonly<Record<string, string>>
  /** User of the system that the programs run as. */
  readonly user?: string
  /** Where apps reach it. */
  reach(): Promise<Endpoint>
  /** A sentence when it is known to be down. */
  problem(): Promise<string | null>
  restart(): Promise<void>
  logs(lines: number): Promise<string[]>
  uninstall(): Promise<void>
  connect(exec: ExecOptions): ConnectCommand
}
