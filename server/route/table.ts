/** The routing table: whose domains lead to which targets. */
import type { OpenLink } from '../domain/link.ts'
import { type Domain, gitHost, type Route, type RouteTable } from '../domain/route.ts'
import { internalHosts } from './internal.ts'

/** App → `address:port` of the containers that serve it; `held` when requests are to wait for some. */
export type Targets = ReadonlyMap<string, readonly string[] | 'held'>

/** Doors of the server itself that the proxy leads to. */
export interface Doors {
  readonly global: string
  /** Loopback port of git over HTTP. */
  readonly gitPort: number
}

/** An app without targets keeps its hosts: they answer 503 instead of 404. */
export function routeTable(
  domains: readonly Domain[],
  targets: Targets,
  doors: Doors,
  links: readonly OpenLink[],
): RouteTable {
  const routeOf = (app: string): Route => {
    const own = targets.get(app) ?? []
    return own === 'held' ? { app, targets: [], held: true } : { app, targets: own }
  }
  const git: Route = { app: 'git', targets: [`127.0.0.1:${doors.gitPort}`], unbuffered: true }
  const hosts: Record<string, Route> = { [gitHost(doors.global)]: git }
  for (const { host, app } of domains) hosts[host] = routeOf(app)
  return { hosts, internal: internalHosts(links, routeOf) }
}
