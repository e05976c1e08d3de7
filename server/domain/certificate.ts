/** Certificates: which names get one by itself, which one a host is served with, and when it is to be renewed. */
import type { PartId } from './route.ts'

const minute = 60_000

/** `issued`: by the kernel, which renews it · `self-signed`: nobody vouches for it · `uploaded`: somebody brought it. */
export const certificateSources = ['uploaded', 'issued', 'self-signed'] as const
export type CertificateSource = (typeof certificateSources)[number]

export interface Certificate {
  /** Names the text of chain and key. */
  readonly part: PartId
  /** Id of the app, whose hosts alone it may serve; null: it is for names of the server itself. */
  readonly app: string | null
  readonly source: CertificateSource
  /** Device that issued it; null for one that was uploaded. */
  readonly device: string | null
  /** Lower case, `*.example.com` among them. */
  readonly names: readonly string[]
  readonly issuer: string
  readonly notBefore: string
  readonly notAfter: string
  /** When its issuer wants it renewed; null: it does not say. */
  readonly renewal: Window | null
  /** When the issuer was last asked. */
  readonly askedAt: string | null
}

/** Name of the setting that names the device which issues; empty or not there: the built-in one. */
export const issuerSetting = 'certificate-issuer'

/** RFC 3339, UTC. */
export interface Window {
  readonly from: string
  readonly until: string
}

/** That a name got no certificate, the last time it was tried. */
export interface FailedTry {
  readonly host: string
  readonly attempts: number
  readonly failedAt: string
  readonly nextAt: string
  /** One sentence. */
  readonly problem: string
  /** What was found that may be the cause, a sentence each. */
  readonly found: readonly string[]
}

/** PEM: chain first, then its key. As the proxy takes it. */
export function pairText({ chain, key }: { readonly chain: string; readonly key: string }): string {
  return `${chain.trimEnd()}\n${key.trimEnd()}\n`
}

/** RFC 2606, 6761, 6762 and 8375: nobody outside can prove a name below these, and `internal` is ours. */
const reserved = ['localhost', 'test', 'example', 'invalid', 'local', 'internal']

/** A name that an issuer can be asked about: HTTPS is on by itself for it. */
export function isPublic(host: string): boolean {
  const labels = host.split('.')
  const last = labels.at(-1) ?? ''
  return labels.length > 1 && !reserved.includes(last) && !/^\d+$/.test(last) && !host.endsWith('.home.arpa')
}

/** RFC 6125: a star stands for exactly one label. */
export function covers(name: string, host: string): boolean {
  return name === host || (name.startsWith('*.') && !host.startsWith('*.') && name === starOf(host))
}

/** One of its names, or a star among them, stands for the host. */
export function isFor({ names }: Pick<Certificate, 'names'>, host: string): boolean {
  return names.some((name) => covers(name, host))
}

/** `blog.example.com` → `*.example.com` */
export function starOf(host: string): string {
  return `*${host.slice(Math.max(0, host.indexOf('.')))}`
}

/**
 * Negative: `a` is the better one for a host that both cover. One that is valid now wins, then who knows the name exactly,
 * then who brought it, then the longest valid.
 */
export function compareFor(host: string, now: Date): (a: Certificate, b: Certificate) => number {
  const rank = (one: Certificate) => [
    isValid(one, now) ? 0 : 1,
    one.names.includes(host) ? 0 : 1,
    certificateSources.indexOf(one.source),
  ]
  return (a, b) => {
    const [left, right] = [rank(a), rank(b)]
    const at = left.findIndex((value, index) => value !== right[index])
    return at < 0 ? b.notAfter.localeCompare(a.notAfter) : (left[at] ?? 0) - (right[at] ?? 0)
  }
}

/** The one that an app (null: the server itself) has for a host. */
export function bestFor(
  host: string,
  app: string | null,
  certificates: readonly Certificate[],
  now: Date,
): Certificate | undefined {
  const usable = certificates.filter((one) => one.app === app && isFor(one, host))
  return usable.sort(compareFor(host, now))[0]
}

export function isValid({ notBefore, notAfter }: Pick<Certificate, 'notBefore' | 'notAfter'>, now: Date): boolean {
  return Date.parse(notBefore) <= now.getTime() && now.getTime() < Date.parse(notAfter)
}

type Dated = Pick<Certificate, 'renewal' | 'notBefore' | 'notAfter'>

/**
 * In its issuer's window, else after two thirds of its life; `jitter` (0 … 1) spreads the names of a server. Whatever the
 * issuer says, a new one is left alone for an hour or so: the next would be no better.
 */
export function renewsAt({ renewal, notBefore, notAfter }: Dated, jitter: number): Date {
  const [born, dies] = [Date.parse(notBefore), Date.parse(notAfter)]
  const from = renewal ? Date.parse(renewal.from) : born + (dies - born) * (2 / 3)
  const until = renewal ? Date.parse(renewal.until) : born + (dies - born) * (2 / 3 + 1 / 30)
  // Issuers date them back by an hour, as clocks differ.
  const earliest = born + Math.min(120 * minute, (dies - born) / 3)
  return new Date(Math.round(Math.max(earliest, from + Math.max(0, until - from) * jitter)))
}

const longestWait = 24 * 60 * minute

/** After so many failed attempts: a minute, doubling up to a day, and up to a quarter more. */
export function retriesAt(attempts: number, now: Date, jitter: number): Date {
  const wait = Math.min(longestWait, minute * 2 ** (attempts - 1))
  return new Date(Math.round(now.getTime() + wait * (1 + jitter / 4)))
}
