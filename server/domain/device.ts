/** Devices: installed pieces of server software, each managed by a driver. */

export const deviceClasses = ['proxy', 'builder'] as const
export type DeviceClass = (typeof deviceClasses)[number]

export const privileges = ['engine', 'exec:node', 'network', 'volume', 'secrets'] as const
export type Privilege = (typeof privileges)[number]

/** `driver.json`. Unknown fields are an error. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly class: DeviceClass
  /** Version of the class contract that it speaks. */
  readonly contract: 1
  /** `module` runs inside the kernel and is trusted. */
  readonly runs: 'module'
  readonly description: string
  readonly privileges: readonly Privilege[]
}

export interface Device {
  readonly name: string
  readonly driver: string
  readonly class: DeviceClass
  readonly node: string
  readonly createdAt: string
}
