/** Joins backups with the devices that keep them and with what is backed up. */
import type { DatabaseAccess } from '../attachments/access.ts'
import { createArchives } from '../backups/archives.ts'
import { type Backups, createBackups } from '../backups/backups.ts'
import type { CapturePorts } from '../backups/capture.ts'
import { createDataBackups, type DataBackups } from '../backups/data-backups.ts'
import { databaseSubjects } from '../backups/database-subjects.ts'
import { keepSchedules } from '../backups/scheduler.ts'
import { volumeSubjects } from '../backups/volume-subjects.ts'
import type { Devices } from '../devices/devices.ts'
import type { Device } from '../domain/device.ts'
import type { JobQueue } from '../jobs/queue.ts'
import type { Log } from '../log.ts'
import type { Volumes } from '../mounts/volumes.ts'
import type { Store } from '../state/store.ts'

export interface BackupWorld extends Omit<CapturePorts, 'store'> {
  readonly store: Store
  readonly key: Buffer
  readonly jobs: JobQueue
  readonly devices: Pick<Devices, 'archive' | 'ofClass'>
  readonly databases: DatabaseAccess
  readonly volumes: Pick<Volumes, 'open' | 'scratch'>
  readonly log: Log
}

export interface OpenedBackups {
  /** Of the server itself. */
  readonly backups: Backups
  readonly dataBackups: DataBackups
  /** Makes those that are due, until `signal` aborts. */
  keep(signal: AbortSignal): Promise<void>
}

export function openBackups(world: BackupWorld): OpenedBackups {
  const { store, key, jobs, devices, databases, volumes, log } = world
  const archives = createArchives(
    {
      archives: async () => (await devices.ofClass('archive')).map(archiveOf),
      archive: (name) => devices.archive(name),
    },
    store,
  )
  const find = async (name: string) => {
    const volume = await store.volumes.find(name)
    return volume?.state === 'ready' ? volume : null
  }
  const subjects = { database: databaseSubjects(databases), volume: volumeSubjects({ ...volumes, find }) }
  const dataBackups = createDataBackups({ store, key, jobs, archives, subjects, log })
  return {
    backups: createBackups(world, key),
    dataBackups,
    keep: (signal) => keepSchedules({ store, backups: dataBackups, log }, signal),
  }
}

function archiveOf({ name, settings: { volume } }: Device): { name: string; volume: string | null } {
  return { name, volume: volume === undefined ? null : String(volume) }
}
