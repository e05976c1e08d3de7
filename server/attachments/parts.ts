/** What attachments work with. */
import type { ConnectCommand, DatabaseDriver } from '../devices/classes/database.ts'
import type { Manifest } from '../domain/device.ts'
import type { Engine, Session } from '../engine/engine.ts'
import type { Log } from '../log.ts'
import type { Firewall } from '../network/firewall.ts'
import type { Store } from '../state/store.ts'

export interface AttachmentParts {
  readonly store: Pick<Store, 'apps' | 'attachments' | 'credentials' | 'databases' | 'devices' | 'links' | 'releases'>
  readonly devices: DatabaseDevices
  /** Opens the client of a server where it can reach it: beside the server. */
  openClient(device: string, command: ConnectCommand, tty: boolean): Promise<Session>
  /** Where containers of an app still run that may use a login. */
  readonly engine: Pick<Engine, 'list'>
  /** Applied when what an app may reach has changed. */
  readonly firewall: Pick<Firewall, 'apply'>
  /** Refreshed when who may call whom has changed. */
  readonly routes: { refresh(): Promise<void> }
  /** IPv4 block that app networks are cut from. */
  readonly pool: string
  /** The proxy's, inside as outside. */
  readonly httpPort: number
  readonly log: Log
}

export interface DatabaseDevices {
  /** The driver of this device; throws `not-found`, or `unavailable` when its code cannot be used. */
  database(device: string): Promise<DatabaseDriver>
  /** Of every driver that there is. */
  manifests(): readonly Manifest[]
}
