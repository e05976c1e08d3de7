/** The routing table: whose domains lead to which targets. */
import type { Domain, Route, RouteTable } from '../domain/route.ts'

/** App → `address:port` of the containers that serve it. */
export type Targets = ReadonlyMap<string, readonly string[]>

/** An app without targets keeps its hosts: they answer 503 instead of 404. `extra` hosts belong to no app and come first. */
export function routeTable(
  domains: readonly Domain[],
  targets: Targets,
  extra: Readonly<Record<string, string>> = {},
): RouteTable {
  const hosts: Record<string, Route> = {}
  for (const { host, app } of domains) hosts[host] = { app, targets: targets.get(app) ?? [] }
  for (const [host, target] of Object.entries(extra)) hosts[host] = { app: '', targets: [target] }
  return { hosts }
}
