/** A device comes and goes. Each step can be killed, and the same words go on with it. */
import type { Device, Manifest } from '../domain/device.ts'
import { messageOf, told, UserError } from '../errors.ts'
import { endpointAddress } from '../network/subnets.ts'
import type { Store } from '../state/store.ts'
import type { Devices } from './devices.ts'
import type { Endpoint } from './driver.ts'
import type { HostParts } from './host.ts'
import { sweep } from './sweep.ts'
import { type AdoptWish, type DeviceRow, described, type InstallWish, wantedAdoption, wantedInstall } from './wishes.ts'

type Progress = (line: string) => void

export interface Lifecycle {
  /** Makes it what the wish says; the same wish again goes on with what was interrupted. */
  install(wish: InstallWish, progress: Progress): Promise<Device>
  adopt(wish: AdoptWish, progress: Progress): Promise<Device>
  /** Throws `conflict`, naming who uses it. */
  remove(name: string, progress: Progress): Promise<void>
  /** What `install` and `remove` would do, a sentence; throws what they would refuse with. */
  planInstall(wish: InstallWish): Promise<{ readonly device: string; readonly operation: string }>
  planRemove(name: string): Promise<string>
  restart(name: string): Promise<void>
  /** Containers that stayed down run again, as after a reboot. Never throws. */
  revive(): Promise<void>
  logs(name: string, lines: number): Promise<string[]>
  /** Where apps reach it, and who uses it, a phrase each: `the database blog-db`. */
  details(name: string): Promise<{
    readonly endpoints: readonly (Endpoint & { readonly name: string })[]
    readonly users: readonly string[]
  }>
}

export interface LifecycleParts {
  readonly devices: Pick<Devices, 'anyDriver' | 'database' | 'forget' | 'manifests'>
  readonly store: Pick<Store, 'devices' | 'deviceSecrets' | 'endpoints'>
  readonly host: HostParts
  readonly users: (device: string) => Promise<readonly string[]>
}

/** Milliseconds that an issuer may take to say whether it takes these settings. */
const patience = 60_000

export function createLifecycle(parts: LifecycleParts): Lifecycle {
  const { devices, store, host } = parts
  const busy = new Set<string>()

  /** One at a time changes a device. */
  const alone = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    if (busy.has(name)) throw new UserError('conflict', `The device ${name} is being changed.`, 'Who does: jobs:list')
    busy.add(name)
    try {
      return await work()
    } finally {
      busy.delete(name)
    }
  }
  const wanted = async (wish: InstallWish) =>
    wantedInstall(manifestOf(devices.manifests(), wish.driver), wish, await store.devices.list())

  return {
    async install(wish, progress) {
      const row = await wanted(wish)
      return alone(row.name, async () => {
        const isNew = !(await store.devices.list()).some(({ name }) => name === row.name)
        const device = await prepare(parts, row)
        progress(`Installing ${row.name}: ${described(row)}`)
        const options = {
          version: row.version,
          as: row.as as 'container' | 'node',
          memory: Number(row.settings.memory),
        }
        const driver = await devices.anyDriver(device, 'database')
        await driver.install(options, progress).catch(async (error) => {
          if (isNew && told(error).code === 'refused') await forgetAgain(parts, row.name)
          throw error
        })
        return settle(parts, row.name)
      })
    },
    async adopt(wish, progress) {
      const manifest = manifestOf(devices.manifests(), wish.driver)
      const row = wantedAdoption(manifest, wish, await store.devices.list())
      return alone(row.name, async () => {
        await takeOver(parts, await prepare(parts, row), wish, progress)
        return settle(parts, row.name)
      })
    },
    remove: (name, progress) => alone(name, () => remove(parts, name, progress)),
    planInstall: async (wish) => {
      const row = await wanted(wish)
      const memory = `with ${row.settings.memory} MiB`
      return { device: row.name, operation: `install ${row.name}: ${described(row)}, ${memory}` }
    },
    planRemove: async (name) => {
      const device = await removable(parts, name)
      return device.as === 'adopted' ? `forget ${name}; its server goes on` : `end ${name}, and delete its data`
    },
    restart: (name) => alone(name, async () => (await devices.database(name)).restart()),
    revive: async () => {
      const started = await host.containers.revive().catch((error) => [{ name: 'devices', problem: messageOf(error) }])
      for (const one of started) host.log.warn('devices.revived', one)
    },
    logs: async (name, lines) => (await devices.database(name)).logs(lines),
    details: async (device) => ({
      endpoints: (await store.endpoints.list())
        .filter((row) => row.device === device)
        .map(({ name, host: number, port }) => ({ name, host: endpointAddress(host.pool, number), port })),
      users: await parts.users(device),
    }),
  }
}

/** The row, made or brought up to date; what its driver is told from now on. */
async function prepare({ devices, store }: LifecycleParts, row: DeviceRow): Promise<Device> {
  const isThere = (await store.devices.list()).some(({ name }) => name === row.name)
  await (isThere ? store.devices.update(row.name, row) : store.devices.add(row))
  devices.forget(row.name)
  return store.devices.get(row.name)
}

/** One that fails keeps its row: what its driver has made for it, such as a key to be let in by, serves the next try. */
async function takeOver(
  { devices, store }: LifecycleParts,
  device: Device,
  { settings, secrets }: AdoptWish,
  progress: Progress,
): Promise<void> {
  if (device.class === 'database') {
    await (await devices.anyDriver(device, 'database')).adopt({ ...settings, ...secrets }, progress)
    return
  }
  for (const [key, value] of Object.entries(secrets)) await store.deviceSecrets.set(device.name, key, value)
  if (device.class === 'archive') await (await devices.anyDriver(device, 'archive')).check()
  else await (await devices.anyDriver(device, 'certificate')).check(AbortSignal.timeout(patience))
}

async function settle({ devices, store }: LifecycleParts, name: string): Promise<Device> {
  await store.devices.move(name, ['installing'], 'ready')
  devices.forget(name)
  return store.devices.get(name)
}

async function remove(parts: LifecycleParts, name: string, progress: Progress): Promise<void> {
  const { devices, store, host } = parts
  const device = await removable(parts, name)
  await store.devices.move(name, ['installing', 'ready'], 'removing')
  if (device.class === 'database') {
    progress(device.as === 'adopted' ? `Forgetting ${name}` : `Ending ${name}, and deleting its data`)
    await (await devices.anyDriver(device, 'database')).uninstall()
  }
  await sweep(host, name)
  devices.forget(name)
  await store.devices.remove(name)
}

/** What cannot be installed as it was asked for is not there half either. */
async function forgetAgain(parts: LifecycleParts, name: string): Promise<void> {
  await remove(parts, name, () => {}).catch((error) => parts.host.log.error('device.not-forgotten', error, { name }))
}

async function removable({ store, users }: LifecycleParts, name: string): Promise<Device> {
  const device = await store.devices.get(name)
  if (device.as === 'built-in') throw new UserError('refused', `${name} came with the installation, and stays.`)
  const by = await users(name)
  if (by.length === 0) return device
  throw new UserError('conflict', `${name} is used by ${by.join(', ')}.`, 'Destroy or move those first.')
}

function manifestOf(manifests: readonly Manifest[], word: string): Manifest {
  const found = manifests.find(({ name, aliases }) => name === word || aliases.includes(word))
  if (found) return found
  const names = manifests.map(({ name }) => name).join(', ')
  throw new UserError('not-found', `There is no driver ${word}.`, `Drivers: ${names}`)
}
