/** Joins the devices and their drivers with what those are given: the engine, images, the node, addresses, secrets. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createDeviceImages } from './build/device-images.ts'
import type { Config } from './config.ts'
import { createContainerDrivers } from './devices/container-drivers.ts'
import { createDevices, type Devices } from './devices/devices.ts'
import { tidyFolders } from './devices/driver-folder.ts'
import { createDrivers, type DriversControl } from './devices/drivers.ts'
import { auditRefusals } from './devices/refusals.ts'
import { loadRegistry, type Registry } from './devices/registry.ts'
import { createDeviceContainers } from './engine/device-containers.ts'
import { createEngine } from './engine/docker.ts'
import { createDriverContainers } from './engine/driver-container.ts'
import type { Log } from './log.ts'
import { deviceNetwork } from './network/subnets.ts'
import type { Store } from './state/store.ts'

export interface DeviceWorld {
  readonly config: Config
  readonly store: Pick<Store, 'devices' | 'deviceSecrets' | 'endpoints' | 'approvals' | 'audit'>
  /** The encryption key. */
  readonly key: Buffer
  /** Short name of this installation. */
  readonly system: string
  /** Something happened to a driver that a person may want to know. */
  tell(text: string): void
  readonly log: Log
}

export interface OpenDevices {
  readonly devices: Devices
  readonly drivers: DriversControl
  readonly registry: Registry
  /** Notices what happens in the operator's folder of drivers, until `signal` aborts; first it removes what a dead kernel left. */
  watch(signal: AbortSignal): Promise<void>
}

export async function openDevices({ config, store, key, system, tell, log }: DeviceWorld): Promise<OpenDevices> {
  const { docker: socket, pool, home, program, paths } = config
  const engine = createEngine({ socket, system })
  const image = createDeviceImages({ system, engine, builder: () => devices.builder() }, config.bases)
  const untrusted = createDriverContainers({ socket, system })
  const containers = createContainerDrivers({
    found: (name) => registry.found(name),
    approval: store.approvals.get,
    image: (packages, progress) => image({ hub: null, debian: { packages, lines: [] } }, progress),
    start: untrusted.start,
    copies: paths.driverCopies,
    refused: auditRefusals(store.audit, log),
    log,
  })
  const apart = { folder: paths.drivers, load: containers.load }
  const registry = await loadRegistry(join(program, 'drivers'), apart)
  const devices: Devices = createDevices({
    ...{ registry, store, config, log },
    host: {
      ...{ devicesFolder: paths.devices, engineSocket: socket, system, pool, home, program, store, log },
      network: deviceNetwork(pool, system),
      containers: createDeviceContainers({ socket, system, key }),
      image,
    },
  })
  const drivers = createDrivers({ registry, containers, store, folder: paths.drivers, tell, log })
  return {
    devices,
    drivers,
    registry,
    async watch(signal) {
      signal.addEventListener('abort', () => containers.close(), { once: true })
      await untrusted.sweep()
      for (const name of await readdir(paths.driverCopies))
        await rm(join(paths.driverCopies, name), { recursive: true })
      await tidyFolders(paths.drivers)
      await drivers.watch(signal)
    },
  }
}
