/** The routing table: whose domains lead to which targets. */
import type { Domain, Route, RouteTable } from '../domain/route.ts'

/** App → `address:port` of the containers that serve it. */
export type Targets = ReadonlyMap<string, readonly string[]>

/** An app without targets keeps its hosts: they answer 503 instead of 404. */
export function routeTable(domains: readonly Domain[], targets: Targets): RouteTable {
  const hosts: Record<string, Route> = {}
  for (const { host, app } of domains) hosts[host] = { app, targets: targets.get(app) ?? [] }
  return { hosts }
}
