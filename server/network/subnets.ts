/**
 * The pool of addresses: a /24 for each app, its bridge, and which part of it is assigned. The last eight are set apart
 * for devices: four are the private addresses that apps reach them at, four the network of their containers. Pure.
 */

import type { DeviceNetwork } from '../engine/device-containers.ts'

export interface AppNetwork {
  readonly name: string
  readonly subnet: string
  readonly gateway: string
  /** Addresses that the engine chooses from, for one-off containers. The assigned ones are below. */
  readonly range: string
  /** Name of the bridge on the host, at most 15 characters; the firewall knows app networks by its beginning. */
  readonly bridge: string
}

export function appNetwork(pool: string, system: string, app: string, index: number): AppNetwork {
  return {
    name: `mp-${system}-${app}`,
    subnet: `${addressIn(pool, index, 0)}/24`,
    gateway: addressIn(pool, index, 1),
    range: `${addressIn(pool, index, 240)}/28`,
    bridge: `${bridgePrefix(system)}${index.toString(36)}`,
  }
}

/** The bridges of one system and of no other: the hyphen keeps `ab` from being the beginning of `abc`. */
export function bridgePrefix(system: string): string {
  return `mp${system}-`
}

export function addressIn(pool: string, index: number, host: number): string {
  return text(parse(pool).base + index * 256 + host)
}

/** The last number of an address: `10.64.3.7` → 7. */
export function hostNumber(address: string): number {
  return Number(address.split('.').at(-1))
}

/** How many apps the pool has room for. */
export function poolSize(pool: string): number {
  return 2 ** (24 - parse(pool).prefix) - setApart
}

const setApart = 8

/** The private addresses of devices. The machine has all of them at once, without a line for each (`install.sh mounts`). */
export function endpointBlock(pool: string): string {
  return `${endpointAddress(pool, 0)}/22`
}

/** `host`: 1 … 1022. */
export function endpointAddress(pool: string, host: number): string {
  return addressIn(pool, poolSize(pool), host)
}

/** Where apps reach each other by name: the last address of the block, which no device gets. */
export function internalAddress(pool: string): string {
  return endpointAddress(pool, 1023)
}

export function deviceNetwork(pool: string, system: string): DeviceNetwork {
  const first = poolSize(pool) + setApart / 2
  return {
    name: `mp-${system}-devices`,
    subnet: `${addressIn(pool, first, 0)}/22`,
    gateway: addressIn(pool, first, 1),
    // An app's has digits and small letters.
    bridge: `${bridgePrefix(system)}DEV`,
  }
}

/** Says what is wrong with a pool, or null when it can be used. */
export function poolProblem(pool: string): string | null {
  const { base, prefix } = parse(pool)
  if (Number.isNaN(base)) return 'is not an IPv4 block such as 10.64.0.0/12'
  if (prefix < 8 || prefix > 20) return `is a /${prefix}; a block from /8 to /20 is needed`
  if (base % 2 ** (32 - prefix) !== 0) return `does not begin where a /${prefix} begins`
  return null
}

function parse(pool: string): { base: number; prefix: number } {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(pool)
  const parts = match?.slice(1, 5).map(Number) ?? []
  if (!match || parts.some((part) => part > 255) || Number(match[5]) > 32) return { base: Number.NaN, prefix: 0 }
  return { base: parts.reduce((sum, part) => sum * 256 + part, 0), prefix: Number(match[5]) }
}

function text(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}
