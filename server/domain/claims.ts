/** What apps hold of hosts: whole ones, paths below them, redirects. Pure. */
import { type Domain, parseHost } from './route.ts'

/** Domains, paths and redirects that an app may have: the proxy's table is shared by all apps. */
export const mostAddresses = 500

/** As people type it: `example.com`, or `example.com/api`. */
export function addressOf({ host, path }: Pick<Domain, 'host' | 'path'>): string {
  return host + (path ?? '')
}

/** An address that `parseAddress` took, in its parts. */
export function partsOf(address: string): { readonly host: string; readonly path?: string } {
  const at = address.indexOf('/')
  return at < 0 ? { host: address } : { host: address.slice(0, at), path: address.slice(at) }
}

const segment = /^[A-Za-z0-9._~-]+$/

/** A host in lower case, and a path without a slash at its end; says what is wrong instead. */
export function parseAddress(text: string): { address: string } | { problem: string } {
  const at = /^https?:\/\//i.test(text) ? -1 : text.indexOf('/')
  const parsed = parseHost(at < 0 ? text : text.slice(0, at))
  if ('problem' in parsed) return parsed
  const path = at < 0 ? '' : text.slice(at).replace(/\/$/, '')
  if (path.length > 200) return { problem: 'has a path of more than 200 characters' }
  const wrong = path
    .split('/')
    .slice(1)
    .find((part) => !segment.test(part) || /^\.+$/.test(part))
  if (wrong !== undefined) return { problem: 'has a path with other than letters, digits and . _ ~ - between slashes' }
  return { address: parsed.host + path }
}

/**
 * Other apps that have something of these hosts, or the wildcard that answers there now: what one of them answers, a browser
 * takes for the others' as well.
 */
export function sharing(domains: readonly Domain[], app: string, addresses: readonly string[]): Domain[] {
  const hosts = new Set(addresses.flatMap((address) => namesAnswering(partsOf(address).host)))
  return domains.filter((domain) => domain.app !== app && hosts.has(domain.host))
}

/** A redirect that leads back to where it began, at last. */
export function loopIn(domains: readonly Domain[]): Domain | null {
  const whole = new Map(domains.flatMap((domain) => (domain.path === undefined ? [[domain.host, domain]] : [])))
  const leads = ({ redirect }: Domain) => (redirect ? answering(redirect.to, whole) : undefined)
  return [...whole.values()].find((first) => returns(first, leads)) ?? null
}

function returns(first: Domain, leads: (domain: Domain) => Domain | undefined): boolean {
  const seen = new Set<Domain>()
  let next = leads(first)
  while (next && !seen.has(next)) {
    if (next === first) return true
    seen.add(next)
    next = leads(next)
  }
  return false
}

/** As the proxy finds it: the exact name, else the longest wildcard above it. */
function answering(host: string, whole: ReadonlyMap<string, Domain>): Domain | undefined {
  return namesAnswering(host)
    .map((name) => whole.get(name))
    .find((domain) => domain !== undefined)
}

/** The name itself, and the wildcards above it, the longest first. */
function namesAnswering(host: string): string[] {
  const labels = host.split('.')
  return [host, ...labels.map((_, at) => ['*', ...labels.slice(at + 1)].join('.'))]
}
