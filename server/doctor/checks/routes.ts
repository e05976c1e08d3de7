/** The proxy's table: it is what the kernel wants, and the kernel wants what the store says. */
import { check } from '../check.ts'

export interface RoutesFacts {
  /** Hosts by who knows them. */
  readonly stored: readonly string[]
  readonly wanted: readonly string[]
  /** Null when the proxy does not answer: another check says so. */
  readonly inProxy: number | null
}

export const routes = check<RoutesFacts>({
  name: 'routes',
  about: 'The routes',
  needs: ['store', 'port'],
  remedy: (commands) => commands.restart('kernel'),
  async probe({ store, routes, proxy }) {
    const [domains, status] = await Promise.all([store.domains.list(), proxy().status()])
    return {
      stored: domains.map(({ host }) => host),
      wanted: Object.keys(routes().hosts),
      inProxy: status.running ? status.hosts : null,
    }
  },
  judge: ({ stored, wanted, inProxy }, commands) => {
    const [known, meant] = [new Set(wanted), new Set(stored)]
    const missing = stored.filter((host) => !known.has(host))
    const extra = wanted.filter((host) => !meant.has(host))
    const fix = commands.restart('kernel')
    if (missing.length + extra.length > 0) {
      const problem = `The kernel routes other domains than the store has: ${said(missing, 'missing')}${said(extra, 'too many')}`
      return [{ severity: 'error', problem: `${problem.replace(/; $/, '')}.`, fix }]
    }
    if (inProxy === null || inProxy === wanted.length) return []
    const problem = `The proxy knows ${inProxy} domains, but ${wanted.length} are wanted.`
    return [{ severity: 'error', problem, fix }]
  },
})

function said(hosts: readonly string[], how: string): string {
  if (hosts.length === 0) return ''
  return `${hosts.length} ${how} (${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ', …' : ''}); `
}
