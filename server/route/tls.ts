/** Which certificate each host of the table is served with. Pure. */
import { type Certificate, compareFor, starOf } from '../domain/certificate.ts'
import { type Domain, type Host, holders, type RouteTable } from '../domain/route.ts'

export interface Tls {
  readonly certificates: readonly Certificate[]
  /** Token → answer. */
  readonly challenges: ReadonlyMap<string, string>
  readonly now: Date
}

/**
 * A certificate serves hosts of its own app only, or those of the server itself. Whoever has one is reached by https alone:
 * one that has expired serves on, as requests that fall back to plain text would tell everybody what was meant for one.
 */
export function withTls(
  table: RouteTable,
  domains: readonly Domain[],
  { certificates, challenges, now }: Tls,
): RouteTable {
  const find = finder(certificates, now)
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
function finder(certificates: readonly Certificate[], now: Date) {
  const byName = new Map<string, Certificate[]>()
  const known = (app: string | null, name: string) => byName.get(`${app ?? ''} ${name}`) ?? []
  for (const one of certificates) {
    for (const name of one.names) byName.set(`${one.app ?? ''} ${name}`, [...known(one.app, name), one])
  }
  return (app: string | null, host: string): Certificate | undefined => {
    const star = host.startsWith('*.') ? [] : known(app, starOf(host))
    return [...known(app, host), ...star].sort(compareFor(host, now))[0]
  }
}
