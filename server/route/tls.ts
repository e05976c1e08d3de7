/** Which certificate each host of the table is served with. Pure. */
import { type Certificate, compareFor, starOf } from '../domain/certificate.ts'
import { type Domain, type Host, holders, type RouteTable } from '../domain/route.ts'

export interface Tls {
  readonly certificates: readonly Certificate[]
  /** Ids of the apps that do without what is issued by itself. */
  readonly without: readonly string[]
  /** Token → answer. */
  readonly challenges: ReadonlyMap<string, string>
  readonly now: Date
}

/**
 * A certificate serves hosts of its own app only, or those of the server itself. A host that was taken over is served with
 * what was issued for it before, until its new app has its own: that name was proven here, and no request is lost. Whoever
 * has one is reached by https alone, also once it has expired: what was meant for one must not fall back to plain text.
 */
export function withTls(
  table: RouteTable,
  domains: readonly Domain[],
  { certificates, without, challenges, now }: Tls,
): RouteTable {
  const find = finder(certificates, without, now)
  const apps = holders(domains)
  const secured = (host: string, one: Host): Host => {
    const certificate = find(apps.get(host) ?? null, host)?.part
    return certificate === undefined ? one : { ...one, certificate, secure: true }
  }
  const hosts = Object.entries(table.hosts)
    .map(([host, one]) => [host, secured(host, one)] as const)
    // The cookie of whoever is signed in is not for plain text.
    .filter(([, { app, secure }]) => app !== 'panel' || secure)
  const shown = challenges.size === 0 ? {} : { challenges: Object.fromEntries(challenges) }
  return { ...table, hosts: Object.fromEntries(hosts), ...shown }
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
