/** Hosts as the proxy is told of them: who has claimed what of them, and what the apps say about their requests. Pure. */
import type { Domain, Host, Redirect, Route } from '../domain/route.ts'
import type { Rules } from '../domain/routing.ts'

/** App → `address:port` of the containers that serve it; `held` when requests are to wait for some. */
export type Targets = ReadonlyMap<string, readonly string[] | 'held'>

export type RulesOf = ReadonlyMap<string, Rules>

/** An app without targets keeps its hosts: they answer 503 instead of 404. */
export function hostsOf(domains: readonly Domain[], targets: Targets, rules: RulesOf): Record<string, Host> {
  const canonical = new Map(domains.flatMap(({ app, host, canonical }) => (canonical ? [[app, host]] : [])))
  const route = (app: string) => routeOf(app, targets.get(app) ?? [], rules.get(app))
  const hosts = Map.groupBy(domains, ({ host }) => host)
  return Object.fromEntries([...hosts].map(([host, claims]) => [host, hostOf(claims, route, canonical, rules)]))
}

function hostOf(
  claims: readonly Domain[],
  route: (app: string) => Route,
  canonical: ReadonlyMap<string, string>,
  rules: RulesOf,
): Host {
  const below = claims.flatMap(({ path, app }) => (path === undefined ? [] : [[path, route(app)] as const]))
  const paths = below.length > 0 && { paths: Object.fromEntries(below) }
  const whole = claims.find(({ path }) => path === undefined)
  if (!whole) return { app: claims[0]?.app ?? '', targets: [], pathsOnly: true, ...paths }
  const redirect = redirectOf(whole, canonical.get(whole.app))
  const hsts = rules.get(whole.app)?.hsts
  return {
    ...route(whole.app),
    ...paths,
    ...(redirect && { redirect }),
    // Of this host alone: names below it may be those of other apps.
    ...(hsts !== undefined && { hsts: `max-age=${hsts}` }),
  }
}

function redirectOf({ host, redirect }: Domain, canonical: string | undefined): Redirect | undefined {
  if (redirect) return redirect
  // 308 keeps the method and the body of what was sent.
  return canonical === undefined || canonical === host ? undefined : { to: canonical, status: 308 }
}

/** Where requests for an app go, whatever they call it. */
export function routeOf(app: string, targets: readonly string[] | 'held', rules: Rules = {}): Route {
  const { hsts: _, ...own } = rules
  return targets === 'held' ? { app, targets: [], held: true, ...own } : { app, targets, ...own }
}
