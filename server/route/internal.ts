/** The part of the table that only apps see: who is called by which name, and by whom. */
import { linkHost, type OpenLink } from '../domain/link.ts'
import type { InternalHost, Route } from '../domain/route.ts'

/**
 * The same targets as the app has for everybody, and its maintenance and limits. Its passwords are not asked for: they keep
 * strangers out, and the link says that this is none.
 */
export function internalHosts(
  links: readonly OpenLink[],
  routeOf: (app: string) => Route,
): Readonly<Record<string, InternalHost>> {
  return Object.fromEntries(
    Map.groupBy(links, linkHost)
      .entries()
      .map(([host, callers]) => {
        const { users: _, ...route } = routeOf(callers[0]?.target ?? '')
        return [host, { ...route, from: callers.map(({ from }) => from) }]
      }),
  )
}
