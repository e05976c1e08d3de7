/** Which host goes to which containers. */

/** A host, or a path below one, that an app has claimed. Host and path are unique together over all apps. */
export interface Domain {
  /** `example.com`, or `*.example.com`; lower case. */
  readonly host: string
  /** `/api`: only what is at and below it; the whole host when left out. Several apps may share a host so. */
  readonly path?: string
  readonly app: string
  /** `default` is `<app>.<global domain>`; it follows the app's name and the global domain. */
  readonly kind: 'default' | 'custom' | 'redirect'
  /** Of the kind `redirect`: who asks for it is sent there. */
  readonly redirect?: Redirect
  /** The app's other hosts redirect to this one. */
  readonly canonical?: true
}

export interface Redirect {
  readonly to: string
  readonly status: RedirectStatus
}

export const redirectStatuses = [301, 302, 307, 308] as const
export type RedirectStatus = (typeof redirectStatuses)[number]

/** Host → the app that has all of it, or else the first that has a path of it: only its certificates serve there. */
export function holders(domains: readonly Domain[]): ReadonlyMap<string, string> {
  const apps = new Map<string, string>()
  for (const { host, path, app } of domains) if (path === undefined || !apps.has(host)) apps.set(host, app)
  return apps
}

/** Where requests go, and what happens to them before. No targets: the app is there but nothing of it runs (503), unless it is held. */
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
  /** 503 for everybody, with this page; `standard` is the proxy's own. */
  readonly maintenance?: PartId | 'standard'
  /** Basic authentication: user → password as `crypt(3)` writes it (`$6$…`). */
  readonly users?: Readonly<Record<string, string>>
  /** Bytes that a request body may have; the proxy's own limit (1 GiB) when left out. */
  readonly largestBody?: number
  /** Seconds that the app may stay silent before 504; 60 when left out. */
  readonly timeout?: number
}

/** One host of the table: its own route answers every path that none of `paths` does. */
export interface Host extends Route {
  /** Path prefix (`/api`, no slash at the end) → its route; the longest wins, and `/apis` is not below `/api`. */
  readonly paths?: Readonly<Record<string, Route>>
  /** Nobody has the host itself: what none of `paths` answers is 404. */
  readonly pathsOnly?: true
  /** The certificate that the host is served with over TLS: its chain and its key, PEM, in one text. None: TLS is refused. */
  readonly certificate?: PartId
  /** Requests over plain HTTP are sent to https (308), except those for the challenge path. */
  readonly secure?: true
  /** Value of `Strict-Transport-Security`, said over TLS only. */
  readonly hsts?: string
  /** What none of `paths` answers is sent to another host instead; path and query stay. */
  readonly redirect?: Redirect
}

/** An app that others reach by name, on the proxy's internal address only. */
export interface InternalHost extends Route {
  /** Networks that may ask, `10.64.3.0/24`; everybody else gets 403. */
  readonly from: readonly string[]
}

/** The whole of what the proxy knows. Hosts that are not in it answer 404. */
export interface RouteTable {
  readonly hosts: Readonly<Record<string, Host>>
  /** `blog.internal` → who answers. */
  readonly internal?: Readonly<Record<string, InternalHost>>
  /**
   * What is answered at `/.well-known/acme-challenge/<token>` on every host, known or not, over plain HTTP and TLS: it wins over
   * everything else that the table says. Other names below that path go to the app.
   */
  readonly challenges?: Readonly<Record<string, string>>
  /** Proxies before this one, as addresses or networks: only they are believed who a client is (`X-Forwarded-For`, `-Proto`). */
  readonly trusted?: readonly string[]
}

/** Name of a text that the table only points to, such as a certificate with its key: the first 32 hexadecimal digits of its SHA-256. */
export type PartId = string

/** Finds the text of a part. */
export type Parts = (id: PartId) => Promise<string>

/** Names below the global domain that are the server's own; no app is called so. */
export const ownNames = ['git', 'panel'] as const

/** Hosts that are always in the table. */
export function ownHosts(global: string): string[] {
  return [gitHost(global), panelHost(global)]
}

/** Where git over HTTP answers. */
export function gitHost(global: string): string {
  return `git.${global}`
}

/** Where the panel answers, over TLS only. */
export function panelHost(global: string): string {
  return `panel.${global}`
}

/** Address of the public panel; null while it has none, as it has no certificate then. */
export function panelUrl({ hosts }: RouteTable, httpsPort: number): string | null {
  const host = Object.keys(hosts).find((name) => hosts[name]?.app === 'panel' && hosts[name].certificate !== undefined)
  return host === undefined ? null : `https://${host}${httpsPort === 443 ? '' : `:${httpsPort}`}`
}

/** Says whose host it is when an app may not have it: whoever holds it would be sent other people's tokens. */
export function ownHostProblem(host: string, global: string): string | null {
  return ownHosts(global).includes(host) ? `${host} belongs to the server itself.` : null
}

/** Where people find an app: its canonical or first own domain, else the default one; a wildcard cannot be opened. */
export function appUrl(domains: readonly Domain[], ports: Ports, hosts: RouteTable['hosts']): string {
  const named = domains.filter(({ host, kind }) => kind !== 'redirect' && !host.startsWith('*.'))
  const whole = named.filter(({ path }) => path === undefined)
  const best = named.find(({ canonical }) => canonical) ?? whole.find(({ kind }) => kind === 'custom')
  const { host, path = '' } = best ?? whole[0] ?? named[0] ?? { host: null }
  return host === null ? 'no address' : `${hostUrl(host, ports, hosts)}${path}/`
}

/** Without a path: over https where it is served so. */
export function hostUrl(host: string, { httpPort, httpsPort }: Ports, hosts: RouteTable['hosts']): string {
  const secure = hosts[host]?.secure === true
  const [scheme, port, usual] = secure ? ['https', httpsPort, 443] : ['http', httpPort, 80]
  return `${scheme}://${host}${port === usual ? '' : `:${port}`}`
}

/** Of the proxy. */
export interface Ports {
  readonly httpPort: number
  readonly httpsPort: number
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
