/** The driver of each device, loaded when it is first asked for and kept from then on. */
import { privileges as all, type Device, type DeviceClass, type Manifest, type Privilege } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { HostBasics } from './driver.ts'
import { createHost, type HostParts } from './host.ts'
import type { Drivers, Registry } from './registry.ts'

export interface Loaded {
  driver<C extends DeviceClass>(device: Device, deviceClass: C): Promise<Drivers[C]>
  /** The next call loads it anew, with what is stored of it then. */
  forget(device: string): void
}

export function createLoaded(
  registry: Registry,
  /** What the kernel itself tells a driver, besides the row. */
  settings: (device: Device) => HostBasics['settings'],
  host: HostParts,
): Loaded {
  const drivers = new Map<string, Promise<unknown>>()

  const load = async <C extends DeviceClass>(device: Device, deviceClass: C) => {
    const createDriver = await registry.load(device.driver, deviceClass)
    const privileges = privilegesOf(registry.manifest(device.driver))
    const given = await createHost({ device: device.name, privileges, settings: settings(device) }, host)
    return createDriver(given)
  }

  return {
    driver<C extends DeviceClass>(device: Device, deviceClass: C) {
      if (device.class !== deviceClass) throw new UserError('usage', `${device.name} is no ${deviceClass}.`)
      const known = drivers.get(device.name)
      if (known) return known as Promise<Drivers[C]>
      const loading = load(device, deviceClass)
      drivers.set(device.name, loading)
      loading.catch(() => drivers.delete(device.name))
      return loading
    },
    forget: (device) => void drivers.delete(device),
  }
}

/** What a driver that runs as a container may do is looked up when it starts: it changes with each approval. */
function privilegesOf({ runs, privileges }: Manifest): readonly Privilege[] {
  return runs === 'module' ? privileges : all.filter((privilege) => privilege !== 'engine')
}
