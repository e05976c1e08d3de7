/** Joins volumes with the folders that containers see them in. */
import { realpath } from 'node:fs/promises'
import type { Config } from '../config.ts'
import type { Devices } from '../devices/devices.ts'
import type { Groups, Tenant } from '../domain/group.ts'
import { createStorage } from '../engine/storage.ts'
import type { Log } from '../log.ts'
import { createGroups } from '../mounts/groups.ts'
import { createVolumes, type Volumes } from '../mounts/volumes.ts'
import type { Store } from '../state/store.ts'

export interface OpenVolumes {
  readonly groups: Groups
  readonly volumes: Volumes
  /** Before any container is made: settles what a dead kernel left, and takes over the folders that are there. */
  takeOver(others: readonly Tenant[]): Promise<void>
}

export function openVolumes(world: {
  readonly config: Pick<Config, 'home' | 'program' | 'docker' | 'paths'>
  readonly system: string
  readonly store: Pick<Store, 'volumes' | 'apps'>
  readonly devices: Pick<Devices, 'storage'>
  readonly log: Log
}): OpenVolumes {
  const { config, system, store, devices, log } = world
  const groups = createGroups({ folder: config.paths.mounts, log })
  const engine = createStorage({ socket: config.docker, system })
  const volumes = createVolumes({
    ...{ store, groups, log, paths: config.paths },
    storage: { device: 'directory', driver: devices.storage },
    own: async () => [config.home, await realpath(config.program), await engine.root()],
  })
  const takeOver = async (others: readonly Tenant[]) => {
    await volumes.recover()
    await groups.open([...others, volumes])
  }
  return { groups, volumes, takeOver }
}
