/** `drivers:test`: first whether a driver speaks its contract, then every promise of its class on a device made for that. */
import type { Device, DeviceClass } from '../domain/device.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Devices } from './devices.ts'
import type { DriversControl } from './drivers.ts'
import type { Drivers } from './registry.ts'
import type { Scratch, ScratchWish } from './scratch.ts'
import { loadSuites, type OnTrial, type Proof } from './suite.ts'

/** What happens meanwhile, as it happens. */
export interface Told {
  proof(proof: Proof): void
  progress(line: string): void
}

export interface DriverTests {
  /**
   * A sentence: why not all of it was tried, and what to do about it; null when it was. Throws `not-found`, and the
   * signal's reason between two promises, once nothing is left of the test.
   */
  test(wish: ScratchWish, told: Told, signal: AbortSignal): Promise<string | null>
  /** What the tests of a kernel that has died have left. Never throws. */
  removeLeft(): Promise<void>
}

export interface DriverTestParts {
  readonly drivers: Pick<DriversControl, 'info' | 'probe'>
  readonly devices: Pick<Devices, 'anyDriver' | 'archive' | 'forget' | 'ofClass'>
  readonly scratch: Scratch
  /** Folder of the program. */
  readonly program: string
}

export function createDriverTests(parts: DriverTestParts): DriverTests {
  const { drivers, scratch } = parts
  const busy = new Set<string>()

  async function test(wish: ScratchWish, told: Told, signal: AbortSignal): Promise<string | null> {
    const { driver } = wish
    const spoken = await drivers.probe(driver, told.proof)
    if (!spoken) return 'The promises of its class are tried once it keeps these.'
    const rest = await obstacle(wish, parts)
    if (rest !== null) return rest

    const device = await scratch.make(wish)
    try {
      await play(device, parts, told, signal)
    } finally {
      told.progress(`Removing ${device.name}`)
      await kept('nothing of it stays when it is removed', () => scratch.remove(device), told)
    }
    return null
  }

  return {
    async test(wish, told, signal) {
      const { driver } = wish
      if (busy.has(driver)) throw new UserError('conflict', `${driver} is being tested.`, 'Who does: jobs:list')
      busy.add(driver)
      try {
        return await test(wish, told, signal)
      } finally {
        busy.delete(driver)
      }
    },
    removeLeft: scratch.removeLeft,
  }
}

/** Classes whose promises are tried here. */
const onServers: readonly DeviceClass[] = ['database', 'archive', 'storage']

/** Why the promises of its class cannot be tried here; null when they can. */
async function obstacle({ driver, on }: ScratchWish, { drivers, devices }: DriverTestParts): Promise<string | null> {
  const { class: deviceClass, state } = await drivers.info(driver)
  if (!onServers.includes(deviceClass)) {
    return `The promises of a ${deviceClass} are tried in a clone: npm run drivers:test drivers/${driver}`
  }
  if (state !== 'ready') {
    return `Nobody has approved it, so no more was tried: drivers:approve ${driver}, then drivers:test ${driver}`
  }
  if (deviceClass !== 'archive') {
    if (on === null) return null
    throw new UserError('usage', `A ${deviceClass} is tried on a device of its own, not on ${on}.`)
  }
  if (on === null) return `An archive is tried on one that is there: drivers:test ${driver} --on ARCHIVE`
  const archives = await devices.ofClass('archive')
  if (archives.some((one) => one.name === on && one.driver === driver)) return null
  throw new UserError('not-found', `There is no archive ${on} that ${driver} manages.`, 'devices:list shows them.')
}

async function play(device: Device, parts: DriverTestParts, told: Told, signal: AbortSignal): Promise<void> {
  const suites = await loadSuites(parts.program)
  if (device.class === 'database') {
    const it = await onTrial(device, 'database', parts)
    const { version, as, settings } = device
    const options = { version, as: as as 'container' | 'node', memory: Number(settings.memory) }
    const install = () => it.driver.install(options, told.progress)
    if (await kept('it is installed', install, told)) await suites.database({ ...it, install }, told.proof, signal)
  }
  if (device.class === 'archive') {
    await suites.archive(await parts.devices.archive(String(device.settings.on)), told.proof, signal)
  }
  if (device.class === 'storage') {
    await suites.storage(await onTrial(device, 'storage', parts), told.proof, signal)
  }
}

async function onTrial<C extends DeviceClass>(
  device: Device,
  deviceClass: C,
  { devices }: DriverTestParts,
): Promise<OnTrial<Drivers[C]>> {
  const load = () => devices.anyDriver(device, deviceClass)
  let current = await load()
  return {
    // Once another one was loaded nobody speaks to the one before it, which would be started again for that.
    driver: new Proxy(current, { get: (_, call) => Reflect.get(current, call) }),
    async again() {
      devices.forget(device.name)
      current = await load()
      return current
    },
  }
}

async function kept(promise: string, work: () => Promise<void>, told: Told): Promise<boolean> {
  try {
    await work()
    told.proof({ promise, outcome: 'kept', why: null })
    return true
  } catch (error) {
    told.proof({ promise, outcome: 'broken', why: messageOf(error) })
    return false
  }
}
