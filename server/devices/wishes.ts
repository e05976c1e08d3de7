/** What somebody wants of a driver → the row of a device, or the sentence that says why not. Pure. */
import type { Device, DeviceClass, Manifest } from '../domain/device.ts'
import { UserError } from '../errors.ts'

export interface InstallWish {
  /** Name of the driver, or one of its other names. */
  readonly driver: string
  /** Null: that of the driver. */
  readonly name: string | null
  /** Null: what it has, or what the driver chooses. */
  readonly version: string | null
  readonly as: 'container' | 'node' | null
  /** MiB. */
  readonly memory: number | null
}

export interface AdoptWish {
  readonly driver: string
  readonly name: string | null
  readonly settings: Readonly<Record<string, string>>
  /** As settings, and kept where nobody sees them. */
  readonly secrets: Readonly<Record<string, string>>
}

export type DeviceRow = Omit<Device, 'createdAt'>

const usualMemory = 512

/** Classes of what may be there already, here or elsewhere. */
const adopted: readonly DeviceClass[] = ['database', 'archive', 'certificate']

export function wantedInstall(manifest: Manifest, wish: InstallWish, devices: readonly Device[]): DeviceRow {
  const { name: driver, installs, versions } = manifest
  const name = wish.name ?? driver
  const before = devices.find((one) => one.name === name)
  const [usual] = installs
  if (usual === undefined || manifest.class !== 'database') {
    throw new UserError('usage', `${driver} has nothing to install.`, `Is it there already? devices:adopt ${driver} …`)
  }
  const as = wish.as ?? installs.find((way) => way === before?.as) ?? usual
  if (!installs.includes(as)) {
    throw new UserError('usage', `${driver} is not installed as ${as}.`, `It is installed as ${installs.join(' or ')}.`)
  }
  const version = wish.version ?? before?.version ?? null
  if (version !== null && versions.length > 0 && !versions.includes(version)) {
    throw new UserError('usage', `${driver} does not know the version ${version}.`, `Versions: ${versions.join(', ')}`)
  }
  const memory = wish.memory ?? (Number(before?.settings.memory) || usualMemory)
  const rest = { class: manifest.class, node: 'local', state: 'installing', settings: { memory } } as const
  return sameAs(before, { name, driver, as, version, ...rest })
}

export function wantedAdoption(manifest: Manifest, wish: AdoptWish, devices: readonly Device[]): DeviceRow {
  const { name: driver, class: deviceClass } = manifest
  if (!adopted.includes(deviceClass)) {
    throw new UserError('usage', `${driver} is a ${deviceClass}; what is adopted is ${adopted.join(', ')}.`)
  }
  const name = wish.name ?? driver
  // What a database driver has to know again it keeps itself; which of it is secret only it knows.
  const settings = deviceClass === 'database' ? {} : wish.settings
  const rest = { class: deviceClass, node: 'local', as: 'adopted', version: null, state: 'installing' } as const
  const before = devices.find((one) => one.name === name)
  return sameAs(before, { name, driver, settings, ...rest })
}

/** `postgres 17 as a container` */
export function described({ driver, version, as }: DeviceRow): string {
  const how = { container: ' as a container', node: ' on the node', adopted: '', 'built-in': '' }[as]
  return `${driver}${version === null ? '' : ` ${version}`}${how}`
}

/** The same words again are the same device; others would be another one under its name. */
function sameAs(before: Device | undefined, wanted: DeviceRow): DeviceRow {
  if (before === undefined) return wanted
  const { name, driver, as } = before
  if (before.state === 'removing') {
    const hint = `devices:remove ${name} --confirm ${name} goes on.`
    throw new UserError('conflict', `The device ${name} is being removed.`, hint)
  }
  if (driver === wanted.driver && as === wanted.as) return wanted
  throw new UserError(
    'conflict',
    `There is a device ${name} already: ${described(before)}.`,
    'Choose another with --name.',
  )
}
