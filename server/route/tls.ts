/** Which certificate each host of the table is served with. Pure. */
import { type Certificate, compareFor, starOf } from '../domain/certificate.ts'
import { type Domain, type Host, holders, ownHosts, type PartId, type RouteTable } from '../domain/route.ts'

/** Host → the certificate that it is served with; hosts that have none are not in it. */
export type Served = ReadonlyMap<string, PartId>

export interface Known {
  readonly domains: readonly Domain[]
  readonly certificates: readonly Certificate[]
  /** Ids of the apps that do without what is issued by itself. */
  readonly without: readonly string[]
  readonly global: string
}

/**
 * A certificate serves hosts of its own app only, or those of the server itself. A host that was taken over is served with
 * what was issued for it before, until its new app has its own: that name was proven here, and no request is lost.
 */
export function servedWith({ domains, certificates, without, global }: Known, now: Date): Served {
  const find = finder(certificates, without, now)
  const own = ownHosts(global).map((host) => [host, null] as const)
  return new Map(
    [...own, ...holders(domains)].flatMap(([host, app]) => {
      const part = find(app, host)?.part
      return part === undefined ? [] : [[host, part] as const]
    }),
  )
}

/**
 * Whoever has a certificate is reached by https alone, also once it has expired: what was meant for one must not fall back
 * to plain text.
 */
export function withTls(table: RouteTable, served: Served, challenges: ReadonlyMap<string, string>): RouteTable {
  const hosts: Record<string, Host> = {}
  for (const [host, one] of Object.entries(table.hosts)) {
    const certificate = served.get(host)
    if (certificate !== undefined) hosts[host] = { ...one, certificate, secure: true }
    else hosts[host] = one.app === 'panel' ? shut(one) : one
  }
  return { ...table, hosts, ...(challenges.size > 0 && { challenges: Object.fromEntries(challenges) }) }
}

/**
 * 404: the cookie of whoever is signed in is not for plain text. The name stays in the table, since without it whoever has a
 * wildcard above it would answer there, and be shown the links that people sign in by.
 */
function shut({ app }: Host): Host {
  return { app, targets: [], pathsOnly: true, paths: {} }
}

/** The best certificate that an app (null: the server itself) has for a host. */
function finder(certificates: readonly Certificate[], without: readonly string[], now: Date) {
  const byName = new Map<string, Certificate[]>()
  const add = (name: string, one: Certificate) => byName.set(name, [...(byName.get(name) ?? []), one])
  for (const one of certificates) {
    for (const name of one.names) {
      add(`${one.app ?? ''} ${name}`, one)
      if (one.source === 'issued') add(name, one)
    }
  }
  const best = (host: string, names: readonly string[]) =>
    names.flatMap((name) => byName.get(name) ?? []).sort(compareFor(host, now))[0]
  return (app: string | null, host: string): Certificate | undefined => {
    const names = host.startsWith('*.') ? [host] : [host, starOf(host)]
    const own = best(
      host,
      names.map((name) => `${app ?? ''} ${name}`),
    )
    return own ?? (app === null || without.includes(app) ? undefined : best(host, names))
  }
}
