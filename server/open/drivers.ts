/** Joins the drivers with what runs those that are not trusted, and with who is told of them. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type DeviceImage, debianImageName } from '../build/device-images.ts'
import type { Config } from '../config.ts'
import { type ContainerDrivers, createContainerDrivers } from '../devices/container-drivers.ts'
import { tidyFolders } from '../devices/driver-folder.ts'
import { createDrivers, type DriversControl } from '../devices/drivers.ts'
import { auditRefusals } from '../devices/refusals.ts'
import { loadRegistry, type Registry } from '../devices/registry.ts'
import { createDriverContainers } from '../engine/driver-container.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'

export interface DriverWorld {
  readonly config: Pick<Config, 'docker' | 'program' | 'paths'>
  readonly store: Pick<Store, 'devices' | 'approvals' | 'audit'>
  /** Short name of this installation. */
  readonly system: string
  readonly image: DeviceImage
  /** Something happened to a driver that a person may want to know. */
  tell(text: string): void
  /** Called once, when no driver of a dead kernel runs any more: what its tests have left goes. */
  removeLeft(): Promise<void>
  readonly log: Log
}

export interface OpenDrivers {
  readonly drivers: DriversControl
  readonly registry: Registry
  readonly containers: ContainerDrivers
  /** Names of the images that drivers run in: one that is not running now will be. */
  images(): string[]
  /** Removes what a dead kernel left, then notices what happens in the operator's folder, until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void>
}

export async function openDrivers(world: DriverWorld): Promise<OpenDrivers> {
  const { config, store, system, image, tell, removeLeft, log } = world
  const { drivers: folder, driverCopies: copies } = config.paths
  const untrusted = createDriverContainers({ socket: config.docker, system })
  const containers = createContainerDrivers({
    found: (name) => registry.found(name),
    approval: store.approvals.get,
    image: (packages, progress) => image({ hub: null, debian: { packages, lines: [] } }, progress),
    start: untrusted.start,
    copies,
    refused: auditRefusals(store.audit, log),
    log,
  })
  const registry = await loadRegistry(join(config.program, 'drivers'), { folder, load: containers.load })
  const drivers = createDrivers({ registry, containers, store, folder, tell, log })
  return {
    drivers,
    registry,
    containers,
    images: () =>
      registry.drivers.flatMap(({ image }) =>
        image === null ? [] : [debianImageName({ system }, { packages: image.packages, lines: [] })],
      ),
    async watch(signal) {
      signal.addEventListener('abort', () => containers.close(), { once: true })
      await untrusted.sweep()
      for (const name of await readdir(copies)) await rm(join(copies, name), { recursive: true })
      await tidyFolders(folder)
      await removeLeft()
      await drivers.watch(signal)
    },
  }
}
