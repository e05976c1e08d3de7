/** The routing table: whose domains lead to which targets. */
import type { OpenLink } from '../domain/link.ts'
import { type Domain, gitHost, type Host, panelHost, type RouteTable } from '../domain/route.ts'
import { hostsOf, type RulesOf, routeOf, type Targets } from './hosting.ts'
import { internalHosts } from './internal.ts'

/** Doors of the server itself that the proxy leads to. */
export interface Doors {
  readonly global: string
  /** Loopback port of git over HTTP. */
  readonly gitPort: number
  /** Loopback port of the panel. */
  readonly panelPort: number
}

/** What the apps and the server say about requests. */
export interface Said {
  readonly rules: RulesOf
  /** Proxies before this one. */
  readonly trusted: readonly string[]
  /** Who may call whom by name. */
  readonly links: readonly OpenLink[]
}

/** An app that had the name of a door before there was one keeps it. */
export function routeTable(domains: readonly Domain[], targets: Targets, doors: Doors, said: Said): RouteTable {
  const git: Host = { app: 'git', targets: [`127.0.0.1:${doors.gitPort}`], unbuffered: true }
  const panel: Host = { app: 'panel', targets: [`127.0.0.1:${doors.panelPort}`], unbuffered: true }
  const own = { [gitHost(doors.global)]: git, [panelHost(doors.global)]: panel }
  const hosts = { ...own, ...hostsOf(domains, targets, said.rules) }
  const routeTo = (app: string) => routeOf(app, targets.get(app) ?? [], said.rules.get(app))
  const internal = internalHosts(said.links, routeTo)
  return { hosts, internal, ...(said.trusted.length > 0 && { trusted: said.trusted }) }
}
