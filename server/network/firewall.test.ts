import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { containerSpec } from '../engine/container-spec.ts'
import { createEngine } from '../engine/docker.ts'
import { dockerSocket, makeImage, sweep } from '../engine/test-image.ts'
import { createFirewall, type FirewallInput, firewallTable, jumps } from './firewall.ts'
import { addressIn, appNetwork, bridgePrefix, endpointBlock } from './subnets.ts'

const run = promisify(execFile)
const system = 'tfire'
const pool = '10.94.0.0/16'
const warnings: unknown[] = []
const log = { info: () => {}, warn: (...words: unknown[]) => void warnings.push(words), error: () => {} }

test('the table lets DNS and the proxy through, and refuses the rest and the metadata address', () => {
  const input: FirewallInput = {
    system: 'x1',
    interfaces: ['mpx1-+', 'docker0'],
    separate: ['docker0'],
    ports: [80, 443],
    endpoints: '10.79.248.0/22',
    grants: [{ subnet: '10.64.3.0/24', host: '10.79.248.7', port: 5432 }],
  }
  expect(firewallTable(input, 4)).toBe(`*filter
:MPX1-INPUT - [0:0]
:MPX1-FORWARD - [0:0]
-A MPX1-INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
-A MPX1-INPUT -s 10.64.3.0/24 -d 10.79.248.7 -p tcp --dport 5432 -j ACCEPT
-A MPX1-INPUT -d 10.79.248.0/22 -p tcp -j REJECT --reject-with tcp-reset
-A MPX1-INPUT -d 10.79.248.0/22 -j REJECT
-A MPX1-INPUT -p udp --dport 53 -j ACCEPT
-A MPX1-INPUT -p tcp --dport 53 -j ACCEPT
-A MPX1-INPUT -p tcp --dport 80 -j ACCEPT
-A MPX1-INPUT -p tcp --dport 443 -j ACCEPT
-A MPX1-INPUT -p tcp -j REJECT --reject-with tcp-reset
-A MPX1-INPUT -j REJECT
-A MPX1-FORWARD -m conntrack --ctorigdst 10.79.248.0/22 --ctstate ESTABLISHED,RELATED -j ACCEPT
-A MPX1-FORWARD -m conntrack --ctorigdst 10.79.248.7 --ctorigdstport 5432 -s 10.64.3.0/24 -j ACCEPT
-A MPX1-FORWARD -m conntrack --ctorigdst 10.79.248.0/22 -p tcp -j REJECT --reject-with tcp-reset
-A MPX1-FORWARD -m conntrack --ctorigdst 10.79.248.0/22 -j REJECT
-A MPX1-FORWARD -i docker0 -o docker0 -j REJECT
-A MPX1-FORWARD -p udp --dport 53 -j RETURN
-A MPX1-FORWARD -p tcp --dport 53 -j RETURN
-A MPX1-FORWARD -d 169.254.0.0/16 -j REJECT
-A MPX1-FORWARD -d 100.100.100.200/32 -j REJECT
-A MPX1-FORWARD -d 168.63.129.16/32 -j REJECT
COMMIT
`)
  expect(firewallTable(input, 6)).toContain('-A MPX1-FORWARD -d fd00:ec2::254/128 -j REJECT')
  expect(jumps(input, 4)).toEqual([
    ['INPUT', '-i', 'mpx1-+', '-j', 'MPX1-INPUT'],
    ['DOCKER-USER', '-i', 'mpx1-+', '-j', 'MPX1-FORWARD'],
    ['INPUT', '-i', 'docker0', '-j', 'MPX1-INPUT'],
    ['DOCKER-USER', '-i', 'docker0', '-j', 'MPX1-FORWARD'],
    ['INPUT', '!', '-i', 'lo', '-d', '10.79.248.0/22', '-j', 'MPX1-INPUT'],
    ['DOCKER-USER', '-m', 'conntrack', '--ctorigdst', '10.79.248.0/22', '-j', 'MPX1-FORWARD'],
  ])
  expect(firewallTable(input, 6)).not.toContain('ctorigdst')
  expect(jumps(input, 6)).toHaveLength(4)
})

describe('on this machine', () => {
  const engine = createEngine({ socket: dockerSocket, system })
  const servers: Server[] = []
  let open: number
  let shut: number
  let firewall: ReturnType<typeof createFirewall>
  let container: string

  beforeAll(async () => {
    await sweep(system)
    ;[open, shut] = [await listen(), await listen()]
    firewall = createFirewall({
      ...{ system, interfaces: [`${bridgePrefix(system)}+`], separate: [], ports: [open], log },
      ...{ endpoints: endpointBlock(pool), grants: async () => [] },
    })
    await firewall.remove()
    const image = await makeImage(system)
    const network = appNetwork(pool, system, '0a0a0a0a', 1)
    await engine.ensureNetwork({ ...network, app: '0a0a0a0a' })
    const place = { app: '0a0a0a0a', process: 'web', index: 1, release: 1, group: 'aaaaaaaa' }
    container = await engine.create(
      containerSpec({
        system,
        appName: 'blog',
        place,
        process: { image, command: ['/bin/sleep', '600'], port: 5000 },
        config: {},
        commit: '',
        hardened: true,
        network: network.name,
        hosts: [],
        address: addressIn(pool, 1, 2),
        memory: 32,
        restart: false,
        mounts: [],
      }),
    )
    await engine.start(container)
  })
  afterAll(async () => {
    await firewall.remove()
    for (const server of servers) server.close()
    await sweep(system)
  })

  async function listen(): Promise<number> {
    const server = createServer((socket) => socket.end('hello')).listen(0, '0.0.0.0')
    servers.push(server)
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  async function reaches(address: string, port: number): Promise<boolean> {
    const command = ['/bin/nc', '-w', '2', address, String(port)]
    const session = await engine.exec(container, { command, tty: false })
    session.stdout.resume()
    session.stderr.resume()
    return (await session.exit) === 0
  }

  test('a container reaches the proxy’s port and no other, on any address of the host', async () => {
    const gateway = addressIn(pool, 1, 1)
    const other = await hostAddress()
    expect(await reaches(gateway, shut)).toBe(true)
    await firewall.apply()
    for (const address of [gateway, other]) {
      expect([address, await reaches(address, open), await reaches(address, shut)]).toEqual([address, true, false])
    }
  })

  test('applying it twice changes nothing, and it comes back after a flush', async () => {
    const rules = async () =>
      (await run('iptables-save', ['-t', 'filter'])).stdout.split('\n').filter((line) => line.includes('MPTFIRE'))
    await firewall.apply()
    const before = (await rules()).map((line) => line.replace(/\[.*/, ''))
    await firewall.apply()
    expect((await rules()).map((line) => line.replace(/\[.*/, ''))).toEqual(before)
    await run('iptables', ['-D', 'DOCKER-USER', '-i', `${bridgePrefix(system)}+`, '-j', 'MPTFIRE-FORWARD'])
    await run('iptables', ['-F', 'MPTFIRE-INPUT'])
    await firewall.apply()
    expect((await rules()).map((line) => line.replace(/\[.*/, '')).sort()).toEqual([...before].sort())
  })

  test('removed, it leaves no chain and no rule', async () => {
    await firewall.apply()
    await firewall.remove()
    for (const command of ['iptables-save', 'ip6tables-save']) {
      const { stdout } = await run(command, []).catch(() => ({ stdout: '' }))
      expect(stdout).not.toContain('MPTFIRE')
    }
  })
})

/** The host's own address on Docker's default bridge: another one than the container's gateway. */
async function hostAddress(): Promise<string> {
  const { stdout } = await run('ip', ['-4', '-o', 'addr', 'show', 'docker0'])
  return /inet ([\d.]+)/.exec(stdout)?.[1] ?? ''
}
