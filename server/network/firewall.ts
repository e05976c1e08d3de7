/**
 * The one firewall table: what containers may reach of the host. A container without any capability otherwise reaches
 * every service of the host through its gateway. And who may reach a device: nobody but the apps that it was granted to.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { text as readText } from 'node:stream/consumers'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'

export interface FirewallInput {
  readonly system: string
  /** Interfaces that containers come in by, as iptables names them: `mpsys-+` (all app networks), `docker0` (builds). */
  readonly interfaces: readonly string[]
  /** Those of them whose containers may not reach each other either: builds of different apps share one bridge. */
  readonly separate: readonly string[]
  /** TCP ports of the host that they may reach besides DNS: those of the proxy. */
  readonly ports: readonly number[]
  /** The private addresses of devices: closed from everywhere but this machine itself. */
  readonly endpoints: string
  readonly grants: readonly Grant[]
}

export interface Firewall {
  /**
   * Makes the table what it should be; safe to repeat, which is needed after Docker has rewritten its own chains, and
   * whenever a grant came or went. Connections that a grant let in go on after it is gone: who revokes a login cuts them.
   */
  apply(): Promise<void>
  remove(): Promise<void>
  /** Families, as people call them, of which a rule is not there. */
  missing(): Promise<string[]>
}

/** An app's network may open connections to an endpoint of a device. */
export interface Grant {
  /** `10.64.3.0/24` */
  readonly subnet: string
  readonly host: string
  readonly port: number
}

interface Parts extends Omit<FirewallInput, 'grants'> {
  /** Those of now; asked each time that the table is applied. */
  readonly grants: () => Promise<readonly Grant[]>
  readonly log: Log
}

/** Where iptables cannot work there is a warning and no table: better an installation that says so than none. */
export function createFirewall({ grants, log, ...rest }: Parts): Firewall {
  let input: FirewallInput = { ...rest, grants: [] }
  let turn = Promise.resolve()
  /** The grants are read in turn as well, so that the last one to apply has the newest. */
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = turn.then(work)
    turn = mine.catch(() => {})
    return mine
  }

  return {
    apply: () =>
      inTurn(async () => {
        // A store that is away is no reason to leave the host open: who was let through before still is.
        const known = await grants().catch((error) => {
          log.warn('firewall.grants-unknown', { reason: messageOf(error), effect: 'those of before stay' })
          return input.grants
        })
        input = { ...rest, grants: known }
        await eachFamily(log, 'firewall.not-applied', (family) => apply(input, family))
      }),
    remove: () => inTurn(() => eachFamily(log, 'firewall.not-removed', (family) => remove(input, family))),
    missing: async () => {
      const families = existsSync('/proc/net/if_inet6') ? ([4, 6] as const) : ([4] as const)
      const inPlace = await Promise.all(families.map((family) => isInPlace(input, family)))
      return families.filter((_, index) => !inPlace[index]).map((family) => `IPv${family}`)
    },
  }
}

export type Family = 4 | 6

/** The whole of our two chains, for `iptables-restore --noflush`: declaring a chain empties it first. */
export function firewallTable(table: FirewallInput, family: Family): string {
  const { system, separate, ports } = table
  const { input, forward } = chains(system)
  return [
    '*filter',
    `:${input} - [0:0]`,
    `:${forward} - [0:0]`,
    `-A ${input} -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    // Before what everybody may: the proxy's port 80 is open to all apps, its port 80 on a private address is not.
    ...(family === 4 ? toServers(table) : []),
    `-A ${input} -p udp --dport 53 -j ACCEPT`,
    `-A ${input} -p tcp --dport 53 -j ACCEPT`,
    ...ports.map((port) => `-A ${input} -p tcp --dport ${port} -j ACCEPT`),
    ...(family === 6 ? [`-A ${input} -p ipv6-icmp -j ACCEPT`] : []),
    // Told at once: what else refuses is rationed by Linux, and would leave most callers waiting.
    `-A ${input} -p tcp -j REJECT --reject-with tcp-reset`,
    `-A ${input} -j REJECT`,
    ...(family === 4 ? toContainers(table) : []),
    ...separate.map((name) => `-A ${forward} -i ${name} -o ${name} -j REJECT`),
    // Clouds answer DNS at the same addresses.
    `-A ${forward} -p udp --dport 53 -j RETURN`,
    `-A ${forward} -p tcp --dport 53 -j RETURN`,
    ...metadata[family].map((address) => `-A ${forward} -d ${address} -j REJECT`),
    'COMMIT',
    '',
  ].join('\n')
}

/** A server on the node listens at its endpoint itself, and so does the proxy for apps that call each other. */
function toServers({ system, endpoints, grants }: FirewallInput): string[] {
  const { input } = chains(system)
  return [
    ...grants.map(({ subnet, host, port }) => `-A ${input} -s ${subnet} -d ${host} -p tcp --dport ${port} -j ACCEPT`),
    `-A ${input} -d ${endpoints} -p tcp -j REJECT --reject-with tcp-reset`,
    `-A ${input} -d ${endpoints} -j REJECT`,
  ]
}

/**
 * A container's port is published at its endpoint. Here its packets have the container's own address already; where they
 * were sent at first is known to Linux's table of connections, for both directions. Accepted before Docker's own rules are
 * asked, which keep its networks apart.
 */
function toContainers({ system, endpoints, grants }: FirewallInput): string[] {
  const { forward } = chains(system)
  const sentTo = (address: string) => `-A ${forward} -m conntrack --ctorigdst ${address}`
  return [
    `${sentTo(endpoints)} --ctstate ESTABLISHED,RELATED -j ACCEPT`,
    ...grants.map(({ subnet, host, port }) => `${sentTo(host)} --ctorigdstport ${port} -s ${subnet} -j ACCEPT`),
    `${sentTo(endpoints)} -p tcp -j REJECT --reject-with tcp-reset`,
    `${sentTo(endpoints)} -j REJECT`,
  ]
}

/** Where cloud machines are told their secrets; nothing else of use to an app lives there. */
const metadata = {
  4: ['169.254.0.0/16', '100.100.100.200/32', '168.63.129.16/32'],
  6: ['fd00:ec2::254/128', 'fd20:ce::254/128', 'fd00:c1::a9fe:a9fe/128'],
} as const

/** The rules that lead into our chains: `[chain, …rule]`. */
export function jumps({ system, interfaces, endpoints }: FirewallInput, family: Family): string[][] {
  const { input, forward } = chains(system)
  const hook = forwardHook[family]
  const rules = interfaces.flatMap((name) => [
    ['INPUT', '-i', name, '-j', input],
    [hook, '-i', name, '-j', forward],
  ])
  if (family === 6) return rules
  // From wherever else packets come in: a neighbour on the wire could send some to a private address.
  return [
    ...rules,
    ['INPUT', '!', '-i', 'lo', '-d', endpoints, '-j', input],
    [hook, '-m', 'conntrack', '--ctorigdst', endpoints, '-j', forward],
  ]
}

/** Docker keeps DOCKER-USER, before its own rules, when it rewrites the others. It does not do IPv6 unless told to. */
const forwardHook = { 4: 'DOCKER-USER', 6: 'FORWARD' } as const

function chains(system: string): { readonly input: string; readonly forward: string } {
  const name = `MP${system.toUpperCase()}`
  return { input: `${name}-INPUT`, forward: `${name}-FORWARD` }
}

async function apply(input: FirewallInput, family: Family): Promise<void> {
  await run(`${tool[family]}-restore`, ['--wait=5', '--noflush'], firewallTable(input, family))
  // Docker makes the chain when it starts; rules that wait in it are there before any container is.
  if (family === 4 && !(await succeeds(family, ['-n', '-L', 'DOCKER-USER'])))
    await iptables(family, ['-N', 'DOCKER-USER'])
  for (const [chain = '', ...rule] of jumps(input, family)) {
    if (!(await succeeds(family, ['-C', chain, ...rule]))) await iptables(family, ['-I', chain, '1', ...rule])
  }
}

async function remove(input: FirewallInput, family: Family): Promise<void> {
  for (const [chain = '', ...rule] of jumps(input, family)) {
    while (await succeeds(family, ['-D', chain, ...rule]));
  }
  for (const chain of Object.values(chains(input.system))) {
    if (!(await succeeds(family, ['-n', '-L', chain]))) continue
    await iptables(family, ['-F', chain])
    await iptables(family, ['-X', chain])
  }
}

/** The rules that lead into our chains, and in them the one that refuses. */
async function isInPlace(input: FirewallInput, family: Family): Promise<boolean> {
  const { input: own } = chains(input.system)
  const rules = [...jumps(input, family), [own, '-j', 'REJECT']]
  const found = await Promise.all(rules.map((rule) => succeeds(family, ['-C', ...rule])))
  return found.every(Boolean)
}

const tool = { 4: 'iptables', 6: 'ip6tables' } as const

function iptables(family: Family, words: readonly string[]): Promise<void> {
  return run(tool[family], ['--wait=5', ...words], '')
}

async function succeeds(family: Family, words: readonly string[]): Promise<boolean> {
  return iptables(family, words).then(
    () => true,
    () => false,
  )
}

async function run(command: string, words: readonly string[], input: string): Promise<void> {
  const child = spawn(command, words, { stdio: ['pipe', 'ignore', 'pipe'] })
  const ended = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  child.stdin.on('error', () => {}).end(input)
  const [code, said] = await Promise.all([ended, readText(child.stderr)])
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${said.trim()}`)
}

async function eachFamily(log: Log, event: string, work: (family: Family) => Promise<void>): Promise<void> {
  for (const family of [4, 6] as const) {
    try {
      await work(family)
    } catch (error) {
      log.warn(event, {
        family: `IPv${family}`,
        reason: messageOf(error),
        effect: 'containers can reach services of this host',
      })
    }
  }
}
