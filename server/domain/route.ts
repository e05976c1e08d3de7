/** Which host goes to which containers. */

export interface Domain {
  /** `example.com`, or `*.example.com`; lower case, unique over all apps. */
  readonly host: string
  readonly app: string
  /** `default` is `<app>.<global domain>`; it follows the app's name and the global domain. */
  readonly kind: 'default' | 'custom'
}

/** One host of the table. No targets: the app is there but nothing of it runs (503), unless it is held. */
export interface Route {
  readonly app: string
  /** `address:port`, each verified against a running container. */
  readonly targets: readonly string[]
  /** Bodies and answers go through as they come, however long they take or stay silent. */
  readonly unbuffered?: true
  /**
   * It has no targets now, but will have some in a moment: requests wait for them, each for at most a minute, and a
   * bounded number of an app at the same time; the others are answered as those of an app that does not run.
   */
  readonly held?: true
}

/** The whole of what the proxy knows. Hosts that are not in it answer 404. */
export interface RouteTable {
  readonly hosts: Readonly<Record<string, Route>>
}

/** Names below the global domain that are the server's own; no app is called so. */
export const ownNames = ['git', 'panel'] as const

/** Where git over HTTP answers. */
export function gitHost(global: string): string {
  return `git.${global}`
}

/** Says whose host it is when an app may not have it: whoever holds it would be sent other people's tokens. */
export function ownHostProblem(host: string, global: string): string | null {
  const own = ownNames.some((name) => host === `${name}.${global}`)
  return own ? `${host} belongs to the server itself.` : null
}

/** Where people find an app: its first own domain, else the default one; a wildcard cannot be opened. */
export function appUrl(domains: readonly Domain[], httpPort: number): string {
  const named = domains.filter((domain) => !domain.host.startsWith('*.'))
  const host = (named.find((domain) => domain.kind === 'custom') ?? named[0])?.host
  if (!host) return 'no address'
  return `http://${host}${httpPort === 80 ? '' : `:${httpPort}`}/`
}

/** The routes, as a rollout needs them; `route/` implements it. */
export interface Traffic {
  /** By id: requests for this app go to these `address:port` from now on; none means 503. Resolves when the proxy uses them. */
  switchTo(app: string, targets: readonly string[]): Promise<void>
  /** It has no targets until the next `switchTo`, and its requests wait for that. Resolves when the proxy does so. */
  hold(app: string): Promise<void>
  /** `switchTo` for all apps at once, when the kernel starts: until then the proxy keeps the table that it has. */
  switchAll(targets: Readonly<Record<string, readonly string[]>>): Promise<void>
  /** Requests that each target still serves. */
  inflight(targets: readonly string[]): Promise<Readonly<Record<string, number>>>
  /** Throws `unavailable` when the proxy does not answer. */
  ready(): Promise<void>
}

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
const host = new RegExp(`^(\\*\\.)?(${label}\\.)*${label}$`)

/** Lower case, without a final dot; says what is wrong instead when it is not a host name. */
export function parseHost(text: string): { host: string } | { problem: string } {
  const name = text.toLowerCase().replace(/\.$/, '')
  if (/^https?:\/\//.test(name))
    return { problem: `is a URL; type only the name: ${name.replace(/^https?:\/\//, '').replace(/[/:].*$/, '')}` }
  if (name.includes(':') || name.includes('/')) return { problem: 'may not have a port or a path' }
  if (name.length > 253) return { problem: `is ${name.length} characters long, at most 253 are allowed` }
  if (!host.test(name)) return { problem: 'is not a host name' }
  if (name.startsWith('*.') && name.split('.').length < 3) return { problem: 'covers a whole top-level domain' }
  return { host: name }
}
