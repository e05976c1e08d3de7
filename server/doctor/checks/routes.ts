/** The proxy's table: it is what the kernel wants, and the kernel wants what the store says. */
import { setTimeout as pause } from 'node:timers/promises'
import { ownHosts } from '../../domain/route.ts'
import { check, type House } from '../check.ts'

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
  probe: lasting,
  judge: (facts, commands) => {
    const problem = difference(facts)
    return problem === null ? [] : [{ severity: 'error', problem, fix: commands.restart('kernel') }]
  },
})

/** A change is in the store a moment before it is in the proxy, and a kernel that has just started knows no routes. */
async function lasting(house: House): Promise<RoutesFacts> {
  for (let looks = 1; ; looks++) {
    const facts = await look(house)
    if (looks === 5 || difference(facts) === null) return facts
    await pause(700)
  }
}

async function look({ store, routes, proxy }: House): Promise<RoutesFacts> {
  const { domains } = store
  const [apps, global, status] = await Promise.all([domains.list(), domains.global(), proxy().status()])
  return {
    stored: [...apps.map(({ host }) => host), ...ownHosts(global)],
    wanted: Object.keys(routes().hosts),
    inProxy: status.running ? status.hosts : null,
  }
}

function difference({ stored, wanted, inProxy }: RoutesFacts): string | null {
  const [known, meant] = [new Set(wanted), new Set(stored)]
  const missing = stored.filter((host) => !known.has(host))
  const extra = wanted.filter((host) => !meant.has(host))
  const said = [some(missing, 'missing'), some(extra, 'too many')].filter(Boolean).join('; ')
  if (said) return `The kernel routes other domains than the store has: ${said}.`
  if (inProxy === null || inProxy === wanted.length) return null
  return `The proxy knows ${inProxy} domains, but ${wanted.length} are wanted.`
}

function some(hosts: readonly string[], how: string): string {
  if (hosts.length === 0) return ''
  return `${hosts.length} ${how} (${hosts.slice(0, 3).join(', ')}${hosts.length > 3 ? ', …' : ''})`
}
