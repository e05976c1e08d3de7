/** What commands may use: the parts of the house, without its SQL and its engine. `main.ts` puts it together. */
import type { AttachmentKeeper } from '../attachments/attachments.ts'
import type { DatabaseJobs } from '../attachments/database-jobs.ts'
import type { Backups } from '../backups/backups.ts'
import type { DataBackups } from '../backups/data-backups.ts'
import type { Certificates } from '../certificates/contract.ts'
import type { Config } from '../config.ts'
import type { Devices } from '../devices/devices.ts'
import type { DriverTests } from '../devices/driver-tests.ts'
import type { DriversControl } from '../devices/drivers.ts'
import type { Lifecycle } from '../devices/lifecycle.ts'
import type { Doctor } from '../doctor/doctor.ts'
import type { App } from '../domain/app.ts'
import type { RouteTable } from '../domain/route.ts'
import type { Journal } from '../events/journal.ts'
import type { Notifier } from '../events/notifier.ts'
import type { Collector } from '../gc/collector.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { AppLogs } from '../live/app-logs.ts'
import type { Live } from '../live/live.ts'
import type { Volumes } from '../mounts/volumes.ts'
import type { Pipeline } from '../pipeline.ts'
import type { DriverPushes } from '../push/driver-push.ts'
import type { Repositories } from '../push/repositories.ts'
import type { OneOff } from '../rollout/one-off.ts'
import type { Store } from '../state/store.ts'
import type { SignIn } from './sign-in.ts'

export interface Kernel {
  readonly config: Config
  readonly version: string
  readonly store: Store
  readonly pipeline: Pipeline
  readonly collector: Collector
  readonly jobs: JobQueue
  readonly journal: Journal
  readonly doctor: Doctor
  readonly logs: AppLogs
  readonly live: Live
  readonly devices: Devices
  readonly volumes: Volumes
  readonly drivers: DriversControl
  readonly driverTests: DriverTests
  readonly driverPushes: DriverPushes
  readonly attachments: AttachmentKeeper
  readonly databases: DatabaseJobs
  readonly lifecycle: Lifecycle
  readonly repositories: Repositories
  readonly oneOff: OneOff
  /** Of the server itself. */
  readonly backups: Backups
  /** Of databases and volumes. */
  readonly dataBackups: DataBackups
  readonly notifier: Notifier
  readonly signIn: SignIn
  readonly certificates: Certificates
  /** What requests go by now. */
  readonly routes: { table(): RouteTable }
  /** Apps that a push is making right now, so that it can say so. */
  readonly born: Set<string>
  /** Where people find the app. */
  url(app: App): Promise<string>
  /** Version of the engine, or the sentence that says why it does not answer. */
  engineState(): Promise<string>
}
