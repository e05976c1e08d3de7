/** Apps that may call others by name, inside the server. */

export interface Link {
  /** Id of the app that calls. */
  readonly app: string
  /** What it calls the other one: `blog` makes `http://blog.internal` and `BLOG_URL`. It stays when either app is renamed. */
  readonly name: string
  /** Id of the app that answers. */
  readonly target: string
  /** `coming`: a release that is about to serve needs it. It is open already; the next start takes it back if the kernel dies. */
  readonly state: 'coming' | 'live'
}

/** As a release carries it. */
export type LinkReference = Pick<Link, 'name' | 'target'>

/** A link that leads somewhere, with the network that may come in by it. */
export interface OpenLink extends LinkReference {
  /** `10.64.3.0/24` */
  readonly from: string
}

export function linkHost({ name }: Pick<Link, 'name'>): string {
  return `${name}.internal`
}

export function linkVariable({ name }: Pick<Link, 'name'>): string {
  return `${name.replaceAll('-', '_').toUpperCase()}_URL`
}

/** `port`: the proxy's for HTTP. Its internal listener has the same one, which no other server can have. */
export function linkUrl(link: Pick<Link, 'name'>, port: number): string {
  return `http://${linkHost(link)}${port === 80 ? '' : `:${port}`}`
}

/** What links put into the environment of an app. */
export function linkEnvironment(links: readonly Pick<Link, 'name'>[], port: number): Record<string, string> {
  return Object.fromEntries(links.map((link) => [linkVariable(link), linkUrl(link, port)]))
}
