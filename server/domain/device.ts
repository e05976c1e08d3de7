/** Devices: installed pieces of server software, each managed by a driver. */

export const deviceClasses = ['proxy', 'builder', 'database', 'storage', 'archive', 'certificate'] as const
export type DeviceClass = (typeof deviceClasses)[number]

/**
 * What a driver may ask of the kernel. `engine`: the engine's own socket (modules only) · `exec:node`: programs and Debian
 * packages of the node · `network`: an address that apps reach it at · `containers`: containers and images of its own ·
 * `volume`: kernel volumes for them, and the one that a module's device is in · `secrets`: secrets that the kernel keeps for it.
 */
export const privileges = ['engine', 'exec:node', 'network', 'containers', 'volume', 'secrets'] as const
export type Privilege = (typeof privileges)[number]

/** `module`: inside the kernel, trusted. `container`: apart from everything, JSON-RPC over standard input and output. */
export const waysToRun = ['module', 'container'] as const

/** `driver.json`. Unknown fields are an error. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly class: DeviceClass
  /** Version of the class contract that it speaks. */
  readonly contract: 1
  readonly runs: (typeof waysToRun)[number]
  readonly description: string
  readonly privileges: readonly Privilege[]
  /** Other names that fingers know: `mysql` for mariadb. */
  readonly aliases: readonly string[]
  /** How its software may be installed; the first one is the default. None: `devices:install` has nothing to install. */
  readonly installs: readonly ('container' | 'node')[]
  /** Major versions of the software that it knows, newest first. */
  readonly versions: readonly string[]
  /** What an app gets that one of its resources is attached to; null for classes that attach nothing. */
  readonly attach: AttachTemplate | null
  /** What a driver that runs as a container runs in; null for a module. */
  readonly image: DriverImage | null
}

/** A smallest Debian with these packages of its archive, and the words that start the driver in its own folder. */
export interface DriverImage {
  readonly packages: readonly string[]
  readonly command: readonly string[]
}

/** That an admin let a driver do what it asks for, as long as its folder holds exactly this. */
export interface Approval {
  readonly driver: string
  readonly digest: string
  readonly privileges: readonly Privilege[]
  readonly approvedBy: string
  readonly approvedAt: string
}

/** What `drivers:test` calls the device that it tries a driver on; nobody else may call one like this. */
export const scratchName = (driver: string): string => `${scratchPrefix}${driver}`.slice(0, 30).replace(/-+$/, '')
export const scratchPrefix = 'test-of-'
/** Tells it from one that somebody had called like this before. */
export const scratchSettings = { madeBy: 'drivers:test' } as const
export const isScratch = ({ name, settings }: Pick<Device, 'name' | 'settings'>): boolean =>
  name.startsWith(scratchPrefix) && settings.madeBy === scratchSettings.madeBy

/** Id of the repository that a driver is pushed to. Those of apps are hexadecimal digits, so none of them begins like this. */
export const driverRepository = (driver: string): string => `driver-${driver}`
/** Null for the repository of an app. */
export const driverOfRepository = (id: string): string | null => /^driver-(.+)$/.exec(id)?.[1] ?? null

export interface AttachTemplate {
  /** Alias of an attachment that was given none, such as `DATABASE`. */
  readonly as: string
  /** Name of the variable → its value. `{AS}` in a name is the alias; values know the fields of `Placeholders`. */
  readonly env: Readonly<Record<string, string>>
  /** Value of `{url}`. */
  readonly url: string
}

/** What the values of injected variables are made of; `--env 'DB_HOST={host}'` may use them as well. */
export const placeholders = ['host', 'port', 'database', 'user', 'password', 'url'] as const
export type Placeholders = Readonly<Record<(typeof placeholders)[number], string>>

export interface Device {
  readonly name: string
  readonly driver: string
  readonly class: DeviceClass
  readonly node: string
  /** `built-in`: came with the installation. `adopted`: a server that was there already, and is never removed by us. */
  readonly as: 'built-in' | 'container' | 'node' | 'adopted'
  /** Major version of its software; null where there is none to choose. */
  readonly version: string | null
  readonly state: 'installing' | 'ready' | 'removing'
  /** Checked by its driver. Nothing secret: secrets are the kernel's to keep (`DriverHost.secrets`). */
  readonly settings: Readonly<Record<string, string | number>>
  readonly createdAt: string
}
