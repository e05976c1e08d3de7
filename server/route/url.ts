/** Where people find an app. */
import type { Domain } from '../domain/route.ts'

/** Its first own domain, else the default one; a wildcard cannot be opened. */
export function appUrl(domains: readonly Domain[], httpPort: number): string {
  const named = domains.filter((domain) => !domain.host.startsWith('*.'))
  const host = (named.find((domain) => domain.kind === 'custom') ?? named[0])?.host
  if (!host) return 'no address'
  return `http://${host}${httpPort === 80 ? '' : `:${httpPort}`}/`
}
