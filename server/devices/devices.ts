/** The devices of this installation, and the driver of each. */
import type { Config } from '../config.ts'
import type { Device, DeviceClass } from '../domain/device.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { BuilderDriver } from './classes/builder.ts'
import type { ProxyDriver } from './classes/proxy.ts'
import type { StorageDriver } from './classes/storage.ts'
import type { DriverHost } from './driver.ts'
import { createHost } from './host.ts'
import type { BrokenDriver, Drivers, Registry } from './registry.ts'

const builtIn = { node: 'local', as: 'built-in', version: null, state: 'ready', settings: {} } as const

/** What every installation begins with. */
const defaults = [
  { name: 'nginx', driver: 'nginx', class: 'proxy', ...builtIn },
  { name: 'docker', driver: 'docker', class: 'builder', ...builtIn },
  { name: 'directory', driver: 'directory', class: 'storage', ...builtIn },
] as const

export interface DeviceState extends Omit<Device, 'state'> {
  /** `running`, `ready` (it runs nothing of its own), or the sentence that says what is wrong. */
  readonly state: string
}

export interface Devices {
  /** Adds the rows that are missing, loads their drivers, and installs the proxy. Says whether a running proxy must be restarted. */
  installDefaults(): Promise<{ readonly proxyChanged: boolean }>
  proxy(): ProxyDriver
  builder(): BuilderDriver
  /** Of the device of this name; throws `unavailable` when it is not installed. */
  storage(device: string): StorageDriver
  list(): Promise<DeviceState[]>
  /** Driver folders that are not used, and why. */
  broken(): readonly BrokenDriver[]
}

export interface DeviceParts {
  readonly registry: Registry
  readonly store: Pick<Store, 'devices'>
  readonly config: Pick<Config, 'httpPort' | 'docker' | 'paths'>
  /** Short name of this installation. */
  readonly system: string
  readonly log: Log
}

export function createDevices(parts: DeviceParts): Devices {
  const { registry, store, log } = parts
  const loaded: { [C in DeviceClass]?: { device: string; driver: Drivers[C] } } = {}

  const driverOf = <C extends DeviceClass>(deviceClass: C): Drivers[C] => {
    const found = loaded[deviceClass]
    if (found !== undefined) return found.driver
    throw new UserError('unavailable', `The ${deviceClass} is not installed yet.`, 'Try again in a moment.')
  }

  return {
    async installDefaults() {
      await addMissing(store.devices)
      for (const { folder, problem } of registry.broken) log.warn('driver not used', { driver: folder, problem })
      for (const device of await store.devices.list()) {
        if (device.class === 'proxy') loaded.proxy = await load(parts, device, 'proxy')
        else if (device.class === 'builder') loaded.builder = await load(parts, device, 'builder')
        else if (device.class === 'storage') loaded.storage = await load(parts, device, 'storage')
      }
      return { proxyChanged: (await driverOf('proxy').install()).changed }
    },
    proxy: () => driverOf('proxy'),
    builder: () => driverOf('builder'),
    storage: (device) => {
      if (loaded.storage?.device === device) return loaded.storage.driver
      throw new UserError('unavailable', `The storage ${device} is not installed.`, 'See what is: devices:list')
    },
    list: async () => {
      const state = async (device: Device) => {
        const driver = loaded[device.class]
        if (driver?.device !== device.name) return 'not loaded'
        return device.class === 'proxy' ? proxyState(driverOf('proxy')) : 'ready'
      }
      return Promise.all(
        (await store.devices.list()).map(async (device) => ({ ...device, state: await state(device) })),
      )
    },
    broken: () => registry.broken,
  }
}

async function addMissing(devices: Store['devices']): Promise<void> {
  const there = new Set((await devices.list()).map((device) => device.name))
  for (const device of defaults) if (!there.has(device.name)) await devices.add(device)
}

async function load<C extends DeviceClass>(
  { registry, config, system, log }: DeviceParts,
  device: Device,
  deviceClass: C,
): Promise<{ device: string; driver: Drivers[C] }> {
  const createDriver = await registry.load(device.driver, deviceClass)
  const given: { [C in DeviceClass]?: DriverHost['settings'] } = {
    proxy: { httpPort: config.httpPort },
    storage: { folder: config.paths.volumes },
  }
  const settings = given[deviceClass] ?? {}
  const hostParts = { devicesFolder: config.paths.devices, engineSocket: config.docker, system, log }
  const host = await createHost(registry.manifest(device.driver), device.name, settings, hostParts)
  return { device: device.name, driver: createDriver(host) }
}

async function proxyState(driver: ProxyDriver): Promise<string> {
  try {
    return (await driver.status()).running ? 'running' : 'The proxy does not answer.'
  } catch (error) {
    return messageOf(error)
  }
}
