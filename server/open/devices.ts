/** Joins the devices and their drivers with what those are given: the engine, images, the node, addresses, secrets. */
import { createDeviceImages } from '../build/device-images.ts'
import type { Config } from '../config.ts'
import { createDevices, type Devices } from '../devices/devices.ts'
import { createDriverTests, type DriverTests } from '../devices/driver-tests.ts'
import type { HostParts } from '../devices/host.ts'
import { createLifecycle, type Lifecycle } from '../devices/lifecycle.ts'
import { createScratch } from '../devices/scratch.ts'
import { issuerSetting } from '../domain/certificate.ts'
import { createDeviceContainers } from '../engine/device-containers.ts'
import { createEngine } from '../engine/docker.ts'
import type { Log } from '../log.ts'
import { deviceNetwork } from '../network/subnets.ts'
import { lostContent } from '../state/lost.ts'
import type { Store } from '../state/store.ts'
import { type OpenDrivers, openDrivers } from './drivers.ts'

export interface DeviceWorld {
  readonly config: Config
  readonly store: Pick<Store, 'devices' | 'deviceSecrets' | 'endpoints' | 'volumes' | 'approvals' | 'audit'>
  /** The encryption key. */
  readonly key: Buffer
  /** Short name of this installation. */
  readonly system: string
  /** Who uses a device, a phrase each: `the database blog-db`. */
  readonly users: (device: string) => Promise<readonly string[]>
  /** Something happened to a driver that a person may want to know. */
  tell(text: string): void
  readonly log: Log
}

export interface OpenDevices {
  readonly devices: Devices
  readonly lifecycle: Lifecycle
  readonly driverHost: OpenDrivers
  readonly driverTests: DriverTests
}

export async function openDevices(world: DeviceWorld): Promise<OpenDevices> {
  const { config, store, key, system, users, tell, log } = world
  const { docker: socket, pool, home, program, paths } = config
  const engine = createEngine({ socket, system })
  const image = createDeviceImages({ system, engine, builder: () => devices.builder() }, config.bases)
  const removeLeft = () => driverTests.removeLeft()
  const driverHost = await openDrivers({ config, store, system, image, tell, removeLeft, log })
  const host: HostParts = {
    ...{ devicesFolder: paths.devices, engineSocket: socket, system, pool, home, program, store, log },
    network: deviceNetwork(pool, system),
    containers: createDeviceContainers({ socket, system, key }),
    image,
    openVolume: async (name) => {
      const volume = await store.volumes.get(name)
      if (volume.lost) throw lostContent('volume', name)
      return (await devices.storage(volume.device)).open(volume)
    },
  }
  const devices: Devices = createDevices({ registry: driverHost.registry, store, config, host, log })
  const scratch = createScratch({ ...driverHost, devices, store, host })
  const driverTests = createDriverTests({ drivers: driverHost.drivers, devices, scratch, program })
  return { devices, lifecycle: createLifecycle({ devices, store, host, users }), driverHost, driverTests }
}

/** Who uses a device, a phrase each: its databases, the schedules that write to it, the names that it gets certificates for. */
export async function usersOf(
  device: string,
  { databases, schedules, settings }: Pick<Store, 'databases' | 'schedules' | 'settings'>,
): Promise<string[]> {
  const written = (await schedules.list()).filter(({ archive }) => archive === device)
  const issues = (await settings.get(issuerSetting)) === device
  return [
    ...(issues ? ['the setting certs:set issuer'] : []),
    ...(await databases.on(device)).map((name) => `the database ${name}`),
    ...written.map(({ subject }) => `the schedule of ${subject}`),
  ]
}
