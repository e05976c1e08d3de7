/** The devices of this installation, and the driver of each. */
import type { Config, Paths } from '../config.ts'
import type { Device, DeviceClass, Manifest } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import { internalAddress } from '../network/subnets.ts'
import type { Store } from '../state/store.ts'
import type { HostBasics } from './driver.ts'
import type { HostParts } from './host.ts'
import { createLoaded } from './loaded.ts'
import type { BrokenDriver, Drivers, Registry } from './registry.ts'
import { stateOf } from './states.ts'

const builtIn = { node: 'local', as: 'built-in', version: null, state: 'ready', settings: {} } as const

/** What every installation begins with. */
const defaults = [
  { name: 'nginx', driver: 'nginx', class: 'proxy', ...builtIn },
  { name: 'docker', driver: 'docker', class: 'builder', ...builtIn },
  { name: 'directory', driver: 'directory', class: 'storage', ...builtIn },
  { name: 'acme', driver: 'acme', class: 'certificate', ...builtIn },
  { name: 'self-signed', driver: 'self-signed', class: 'certificate', ...builtIn },
] as const

export interface DeviceState extends Omit<Device, 'state' | 'version'> {
  /** What its server says, such as `17.2`; else what was asked for, if anything. */
  readonly version: string | null
  /** `running`, `ready` (it runs nothing of its own), or the sentence that says what is wrong. */
  readonly state: string
}

export interface Devices {
  /** Adds the rows that are missing, loads their drivers, and installs the proxy. Says whether a running proxy must be restarted. */
  installDefaults(): Promise<{ readonly proxyChanged: boolean }>
  proxy(): Drivers['proxy']
  builder(): Drivers['builder']
  /** The driver of a device that is ready; throws `not-found`, or `conflict` when it is not ready. */
  database(device: string): Promise<Drivers['database']>
  archive(device: string): Promise<Drivers['archive']>
  certificate(device: string): Promise<Drivers['certificate']>
  storage(device: string): Promise<Drivers['storage']>
  /** Those that are ready. */
  ofClass(deviceClass: DeviceClass): Promise<Device[]>
  list(): Promise<DeviceState[]>
  /** With its state as in `list`. Throws `not-found`. */
  info(device: string): Promise<DeviceState>
  manifests(): readonly Manifest[]
  /** Driver folders that are not used, and why. */
  broken(): readonly BrokenDriver[]
  /** A device whose row or whose driver has changed: it is loaded anew at its next call. */
  forget(device: string): void
  /** Of a device in any state, for who installs and removes it. */
  anyDriver<C extends DeviceClass>(device: Device, deviceClass: C): Promise<Drivers[C]>
}

export interface DeviceParts {
  readonly registry: Registry
  readonly store: Pick<Store, 'devices'>
  readonly config: Pick<Config, 'httpPort' | 'httpsPort'> & { readonly paths: Pick<Paths, 'volumes'> }
  /** What drivers are given of the kernel. */
  readonly host: HostParts
  readonly log: Log
}

export function createDevices({ registry, store, config, host, log }: DeviceParts): Devices {
  const settings = (device: Device): HostBasics['settings'] => ({
    ...device.settings,
    ...(device.as === 'built-in' ? {} : { as: device.as }),
    ...(device.version === null ? {} : { version: device.version }),
    ...(device.class === 'proxy' ? proxySettings(config, host.pool) : {}),
    ...(device.class === 'storage' && device.as === 'built-in' ? { folder: config.paths.volumes } : {}),
  })
  const loaded = createLoaded(registry, settings, host)
  /** Asked for at any moment, and by who cannot wait. */
  const atHand: { proxy?: Drivers['proxy']; builder?: Drivers['builder'] } = {}

  const inHand = <C extends keyof typeof atHand>(deviceClass: C): Drivers[C] => {
    const driver = atHand[deviceClass]
    if (driver !== undefined) return driver as Drivers[C]
    throw new UserError('unavailable', `The ${deviceClass} is not installed yet.`, 'Try again in a moment.')
  }
  const ready = async <C extends DeviceClass>(name: string, deviceClass: C): Promise<Drivers[C]> => {
    const device = await store.devices.get(name)
    if (device.state === 'ready') return loaded.driver(device, deviceClass)
    const doing = device.state === 'removing' ? 'is being removed' : 'is not installed completely'
    throw new UserError('conflict', `The device ${name} ${doing}.`, `Look at it: devices:info ${name}`)
  }
  const withState = async (device: Device): Promise<DeviceState> => {
    const { state, version } = await stateOf(device, loaded)
    return { ...device, state, version: version ?? device.version }
  }

  return {
    async installDefaults() {
      await addMissing(store.devices)
      for (const { folder, problem } of registry.broken) log.warn('driver not used', { driver: folder, problem })
      for (const device of await store.devices.list()) {
        if (device.class === 'proxy') atHand.proxy = await loaded.driver(device, 'proxy')
        if (device.class === 'builder') atHand.builder = await loaded.driver(device, 'builder')
      }
      return { proxyChanged: (await inHand('proxy').install()).changed }
    },
    proxy: () => inHand('proxy'),
    builder: () => inHand('builder'),
    database: (name) => ready(name, 'database'),
    archive: (name) => ready(name, 'archive'),
    certificate: (name) => ready(name, 'certificate'),
    storage: (name) => ready(name, 'storage'),
    ofClass: async (deviceClass) =>
      (await store.devices.list()).filter((one) => one.class === deviceClass && one.state === 'ready'),
    list: async () => Promise.all((await store.devices.list()).map(withState)),
    info: async (name) => withState(await store.devices.get(name)),
    manifests: () => registry.drivers,
    broken: () => registry.broken,
    forget: loaded.forget,
    anyDriver: loaded.driver,
  }
}

/** Its ports for everybody, and where it listens for apps that call each other. */
function proxySettings({ httpPort, httpsPort }: DeviceParts['config'], pool: string): HostBasics['settings'] {
  return { httpPort, httpsPort, internal: `${internalAddress(pool)}:${httpPort}` }
}

async function addMissing(devices: Store['devices']): Promise<void> {
  const there = new Set((await devices.list()).map((device) => device.name))
  for (const device of defaults) if (!there.has(device.name)) await devices.add(device)
}
