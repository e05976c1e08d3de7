/** Joins the devices with what drivers are given: the engine, images, the node, addresses, secrets. */
import { join } from 'node:path'
import { createDeviceImages } from './build/device-images.ts'
import type { Config } from './config.ts'
import { createDevices, type Devices } from './devices/devices.ts'
import type { HostParts } from './devices/host.ts'
import { createLifecycle, type Lifecycle } from './devices/lifecycle.ts'
import { loadRegistry } from './devices/registry.ts'
import { createDeviceContainers } from './engine/device-containers.ts'
import { createEngine } from './engine/docker.ts'
import type { Log } from './log.ts'
import { deviceNetwork } from './network/subnets.ts'
import type { Store } from './state/store.ts'

export interface DeviceWorld {
  readonly config: Config
  readonly store: Pick<Store, 'devices' | 'deviceSecrets' | 'endpoints'>
  /** The encryption key. */
  readonly key: Buffer
  /** Short name of this installation. */
  readonly system: string
  /** Who uses a device, a phrase each: `the database blog-db`. */
  readonly users: (device: string) => Promise<readonly string[]>
  readonly log: Log
}

export async function openDevices(world: DeviceWorld): Promise<{ devices: Devices; lifecycle: Lifecycle }> {
  const { config, store, key, system, users, log } = world
  const { docker: socket, pool, home, program } = config
  const engine = createEngine({ socket, system })
  const host: HostParts = {
    ...{ devicesFolder: config.paths.devices, engineSocket: socket, system, pool, home, program, store, log },
    network: deviceNetwork(pool, system),
    containers: createDeviceContainers({ socket, system, key }),
    image: createDeviceImages({ system, engine, builder: () => devices.builder() }, config.bases),
  }
  const registry = await loadRegistry(join(program, 'drivers'))
  const devices: Devices = createDevices({ registry, store, config, host, log })
  return { devices, lifecycle: createLifecycle({ devices, store, host, users }) }
}

/** Who uses a device, a phrase each: its databases, and the schedules that write to it. */
export async function usersOf(
  device: string,
  { databases, schedules }: Pick<Store, 'databases' | 'schedules'>,
): Promise<string[]> {
  const written = (await schedules.list()).filter(({ archive }) => archive === device)
  return [
    ...(await databases.on(device)).map((name) => `the database ${name}`),
    ...written.map(({ subject }) => `the schedule of ${subject}`),
  ]
}
