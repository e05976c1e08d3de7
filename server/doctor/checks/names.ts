/** The names of apps lead to this machine. */
import { Resolver } from 'node:dns/promises'
import { ownAddresses } from '../../network/own-addresses.ts'
import { type Commands, check, type Finding } from '../check.ts'

export interface NameFacts {
  readonly global: string
  /** Addresses that people may reach this machine under. */
  readonly own: readonly string[]
  /** Default hosts of apps; before the first app, what one would get. */
  readonly hosts: readonly ResolvedHost[]
  readonly custom: readonly (ResolvedHost & { readonly app: string })[]
}

export interface ResolvedHost {
  readonly host: string
  readonly addresses: readonly string[]
}

/** Names asked for, of each kind; one that is wrong is seldom alone. */
const most = 20

export const names = check<NameFacts>({
  name: 'names',
  about: 'The names of apps',
  needs: ['store'],
  remedy: () => 'cat /etc/resolv.conf',
  async probe({ store, config }) {
    const [global, domains, apps] = await Promise.all([store.domains.global(), store.domains.list(), store.apps.list()])
    const resolve = createLookup()
    const public_ = domains.filter(({ host }) => !isLocal(host) && !host.startsWith('*.'))
    const defaults = public_.filter(({ kind }) => kind === 'default').map(({ host }) => host)
    const probed = isLocal(global) ? [] : (defaults.length > 0 ? defaults : [`hello.${global}`]).slice(0, most)
    const whole = public_.filter(({ kind, path }) => kind === 'custom' && path === undefined)
    const custom = whole.slice(0, most)
    const app = new Map(apps.map(({ id, name }) => [id, name]))
    return {
      global,
      own: [...ownAddresses(), ...(isLocal(config.address) ? [] : await addressesOf(config.address, resolve))],
      hosts: await Promise.all(probed.map(async (host) => ({ host, addresses: await resolve(host) }))),
      custom: await Promise.all(
        custom.map(async ({ host, app: id }) => ({ host, app: app.get(id) ?? id, addresses: await resolve(host) })),
      ),
    }
  },
  judge: (facts, commands) => [...ofGlobal(facts, commands), ...ofCustom(facts, commands)],
})

function ofCustom({ custom, own }: NameFacts, commands: Commands): Finding[] {
  return custom.flatMap(({ host, app, addresses }): Finding[] => {
    if (addresses.some((one) => own.includes(one))) return []
    const fix = commands.kernel(`domains:remove ${app} ${host}`)
    const here = `in DNS, point it at ${own[0] ?? 'this machine'}, or take it away`
    if (addresses.length === 0)
      return [{ severity: 'warning', problem: `${host} of ${app} leads nowhere; ${here}.`, fix }]
    // Something may stand before this machine, such as a CDN. Nobody but its owner knows.
    const problem = `${host} of ${app} leads to ${addresses.join(', ')}, which is not this machine. If nothing there hands requests on: ${here}.`
    return [{ severity: 'note', problem, fix }]
  })
}

function ofGlobal({ global, hosts, own }: NameFacts, commands: Commands): Finding[] {
  const nowhere = hosts.filter(({ addresses }) => addresses.length === 0)
  const elsewhere = hosts.filter(({ addresses }) => addresses.length > 0 && !addresses.some((one) => own.includes(one)))
  const [wrong] = [...nowhere, ...elsewhere]
  if (!wrong) return []
  const all = nowhere.length + elsewhere.length
  const others = all === 1 ? '' : `, and ${all - 1} more like it`
  const [address = 'this machine'] = own
  if (wrong.addresses.length === 0)
    return [
      {
        severity: 'error',
        problem: `${wrong.host} leads nowhere${others}; in DNS, point *.${global} at ${address}, or take another domain.`,
        fix: commands.kernel('domains:set-global localhost'),
      },
    ]
  return [
    {
      severity: 'error',
      problem: `${wrong.host} leads to ${wrong.addresses.join(', ')}, which is not this machine (${own.join(', ')})${others}. If it is, say so.`,
      fix: commands.installer(`install --address ${wrong.addresses[0]}`),
    },
  ]
}

function isLocal(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost')
}

async function addressesOf(address: string, resolve: (host: string) => Promise<string[]>): Promise<string[]> {
  return /^[\d.]+$|:/.test(address) ? [address] : resolve(address)
}

/** Asks DNS alone: what /etc/hosts of this machine says, nobody else sees. */
function createLookup(): (host: string) => Promise<string[]> {
  const resolver = new Resolver({ timeout: 1_500, tries: 2 })
  const none = () => []
  return async (host) =>
    (await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)])).flat()
}
