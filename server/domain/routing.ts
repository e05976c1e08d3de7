/** What an app's requests meet before they reach it: limits, a password, a page of maintenance. Pure. */
import type { PartId } from './route.ts'

export interface Rules {
  /** Bytes of a request body. */
  readonly largestBody?: number
  /** Seconds that the app may stay silent. */
  readonly timeout?: number
  /** Seconds for which browsers only use HTTPS. */
  readonly hsts?: number
  /** Everybody gets 503 and this page. */
  readonly maintenance?: PartId | 'standard'
  /** User → password as `crypt(3)` writes it. */
  readonly users?: Readonly<Record<string, string>>
}

export type Limits = Pick<Rules, 'largestBody' | 'timeout' | 'hsts'>

/** Bytes of a page of maintenance. */
export const largestPage = 64 * 1024

interface Limit {
  readonly key: keyof Limits
  /** As other systems call it. */
  readonly aliases: readonly string[]
  /** What it is when nobody has set it. */
  readonly usual: string
  readonly example: string
  /** Null: it is nothing that this can be. */
  parse(text: string): number | null
  print(value: number): string
}

/** By the name that people type. */
export const limits: Readonly<Record<string, Limit>> = {
  'largest-body': {
    key: 'largestBody',
    aliases: ['client-max-body-size'],
    usual: '1g',
    example: '10m, at most 16g',
    parse: (text) => within(multiple(text, { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }), 1, 16 * 2 ** 30),
    print: (value) => shortest(value, { g: 2 ** 30, m: 2 ** 20, k: 2 ** 10 }),
  },
  timeout: {
    key: 'timeout',
    aliases: ['proxy-read-timeout'],
    usual: '60s',
    example: '120s or 5m, at most 24h',
    parse: (text) => within(multiple(text, { '': 1, s: 1, m: 60, h: 3600 }), 1, 24 * 3600),
    print: (value) => `${value}s`,
  },
  hsts: {
    key: 'hsts',
    aliases: ['hsts-max-age'],
    usual: 'off',
    example: 'on, 180d, or off',
    parse: (text) => (text === 'on' || text === 'true' ? year : within(multiple(text, durations), 1, 2 * year)),
    print: (value) => shortest(value, { d: 86_400, '': 1 }),
  },
}

const year = 365 * 86_400
const durations = { '': 1, s: 1, m: 60, h: 3600, d: 86_400 }

/** The limit of this name, or of one of its aliases. */
export function limitNamed(name: string): Limit | undefined {
  const own = Object.hasOwn(limits, name) ? limits[name] : undefined
  return own ?? Object.values(limits).find(({ aliases }) => aliases.includes(name))
}

/** `10.0.0.0/8` or one address, IPv4 or IPv6; says what is wrong instead. */
export function networkProblem(text: string): string | null {
  const [address = '', prefix, ...more] = text.split('/')
  const bits = isIPv4(address) ? 32 : isIPv6(address) ? 128 : 0
  if (bits === 0 || more.length > 0) return 'is no address and no network'
  if (prefix === undefined) return null
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > bits) return `has no prefix from 8 to ${bits}`
  return Number(prefix) < 8 ? 'is so wide that anybody could say who they are' : null
}

/** Whether networks (IPv4) have an address in common. */
export function overlap(one: string, other: string): boolean {
  const [a, b] = [ipv4Network(one), ipv4Network(other)]
  if (!a || !b) return false
  const size = 2 ** (32 - Math.min(a.bits, b.bits))
  return Math.floor(a.address / size) === Math.floor(b.address / size)
}

function ipv4Network(text: string): { address: number; bits: number } | null {
  const [address = '', bits = '32'] = text.split('/')
  if (!isIPv4(address)) return null
  return { address: address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0), bits: Number(bits) }
}

function isIPv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) < 256)
}

function isIPv6(text: string): boolean {
  return /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) && URL.canParse(`http://[${text}]/`)
}

function multiple(text: string, units: Readonly<Record<string, number>>): number | null {
  const [, count, unit = ''] = /^(\d{1,15})\s*([a-z]?)(?:i?b)?$/i.exec(text) ?? []
  const factor = Object.hasOwn(units, unit.toLowerCase()) ? units[unit.toLowerCase()] : undefined
  return count === undefined || factor === undefined ? null : Number(count) * factor
}

function within(value: number | null, least: number, most: number): number | null {
  return value === null || value < least || value > most ? null : value
}

function shortest(value: number, units: Readonly<Record<string, number>>): string {
  const [unit = '', factor = 1] = Object.entries(units).find(([, factor]) => value % factor === 0) ?? []
  return `${value / factor}${unit}`
}
