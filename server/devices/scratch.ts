/** The device that a driver is tried on: made for that, of no use to anybody, and gone afterwards, whatever its driver says. */
import { setTimeout as delay } from 'node:timers/promises'
import { type Device, isScratch, type Manifest, scratchName, scratchSettings } from '../domain/device.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Store } from '../state/store.ts'
import type { ArchiveDriver } from './classes/archive.ts'
import type { ContainerDrivers } from './container-drivers.ts'
import type { Devices } from './devices.ts'
import type { HostParts } from './host.ts'
import type { Registry } from './registry.ts'
import { leftOf, sweep } from './sweep.ts'
import { type DeviceRow, wantedInstall } from './wishes.ts'

/** Milliseconds that a driver may take to uninstall what it has installed. */
const patience = 120_000
/** All that the suite of archives writes lies below it. */
const prefix = 'conformance/'

export interface ScratchWish {
  /** Name of the driver. */
  readonly driver: string
  /** Null: its first way. */
  readonly as: 'container' | 'node' | null
  /** Name of an archive that is there: where to try its driver. */
  readonly on: string | null
}

export interface Scratch {
  /** In place of one that an earlier test has left. It is not `ready`, so nobody can use it. */
  make(wish: ScratchWish): Promise<Device>
  /** Throws what its driver did wrong, once the device is gone all the same. */
  remove(device: Device): Promise<void>
  /** Those of a kernel that has died. Never throws. */
  removeLeft(): Promise<void>
}

export interface ScratchParts {
  readonly devices: Pick<Devices, 'anyDriver' | 'archive' | 'forget'>
  readonly registry: Pick<Registry, 'manifest'>
  readonly store: Pick<Store, 'devices'>
  readonly containers: Pick<ContainerDrivers, 'stop'>
  readonly host: HostParts
}

export function createScratch(parts: ScratchParts): Scratch {
  const { devices, registry, store, containers, host } = parts

  async function remove(device: Device): Promise<void> {
    const { name, driver } = device
    await store.devices.move(name, ['installing'], 'removing')
    const problem = await tidied(device, devices).then(
      () => null,
      (error: unknown) => error,
    )
    const left = await leftOf(host, name)
    await sweep(host, name)
    devices.forget(name)
    containers.stop(driver, 'its test is over', name)
    await store.devices.remove(name)
    if (problem) throw problem
    if (left.length > 0) throw new UserError('refused', `It leaves ${left.join(', ')} behind.`)
  }

  const left = async () => (await store.devices.list()).filter(isScratch)
  return {
    async make(wish) {
      const row = rowOf(registry.manifest(wish.driver), wish)
      for (const device of await left()) if (device.name === row.name) await remove(device).catch(() => {})
      await store.devices.add(row)
      return store.devices.get(row.name)
    },
    remove,
    async removeLeft() {
      for (const device of await left().catch(() => [])) {
        await remove(device).catch((error) =>
          host.log.warn('scratch.removed', { device: device.name, cause: messageOf(error) }),
        )
      }
    },
  }
}

function rowOf(manifest: Manifest, { as, on }: ScratchWish): DeviceRow {
  const { name: driver, class: deviceClass } = manifest
  const name = scratchName(driver)
  if (deviceClass === 'database') {
    const row = wantedInstall(manifest, { driver, name, as, version: null, memory: null }, [])
    return { ...row, settings: { ...row.settings, ...scratchSettings } }
  }
  const settings = on === null ? scratchSettings : { ...scratchSettings, on }
  const rest = { node: 'local', as: 'adopted', version: null, state: 'installing' } as const
  return { name, driver, class: deviceClass, settings, ...rest }
}

async function tidied(device: Device, devices: ScratchParts['devices']): Promise<void> {
  const { on } = device.settings
  if (device.class === 'archive' && on !== undefined) await deleteAll(await devices.archive(String(on)))
  if (device.class !== 'database') return
  const done = new AbortController()
  const late = delay(patience, undefined, { signal: done.signal }).then(() => {
    throw new UserError('unavailable', `It did not uninstall its server within ${patience / 1000} seconds.`)
  })
  late.catch(() => {})
  try {
    const driver = await devices.anyDriver(device, 'database')
    await Promise.race([driver.uninstall(), late])
  } finally {
    done.abort()
  }
}

async function deleteAll(archive: ArchiveDriver): Promise<void> {
  for (const { name } of await archive.list(prefix)) await archive.delete(name)
}
