import { type AddressInfo, createServer, type Server } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'
import { commit, edit, example, push } from './repository.ts'

/** DNS, where the host answers it, and the proxy. */
const dns = 53
/** Where clouds tell a machine its secrets. */
const metadata = ['169.254.169.254#80', '100.100.100.200#80', 'fd00:ec2::254#80', 'fd20:ce::254#80']

describe('a port scan', { timeout: 120_000 }, () => {
  const listeners: Server[] = []
  let hidden: number
  let other: string
  const at = inSystem(async ({ person, system }) => {
    const folder = person.folder
    await example(person, 'node-procfile', 'other')
    await push(person)
    other = await addressOf(system.label, 'other')
    person.folder = folder
    await example(person, 'scanner', 'scanner')
    await push(person)
    hidden = await listen('::')
  })
  afterAll(() => {
    for (const listener of listeners) listener.close()
  })

  /** On every address of the host, IPv4 and IPv6: a scan that misses it is not stopped by luck. */
  function listen(host: string): Promise<number> {
    const server = createServer((socket) => socket.destroy())
    listeners.push(server)
    return new Promise((resolve) => server.listen(0, host, () => resolve((server.address() as AddressInfo).port)))
  }

  async function addressOf(label: string, app: string): Promise<string> {
    const names = ['--filter', `label=megapolos.system=${label}`, '--filter', `name=${app}-web-1`]
    const id = (await quickly('docker', 'ps', '--quiet', ...names)).trim()
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'
    return (await quickly('docker', 'inspect', '--format', format, id)).trim()
  }

  /** Of network cards and of Docker's own bridge; other bridges come and go. */
  function addresses(): string[] {
    const stay = Object.entries(networkInterfaces()).filter(([name]) => /^(docker0$|e|wl)/.test(name))
    const all = stay.flatMap(([, list]) => list ?? []).map(({ address }) => address)
    return all.filter((address) => !address.startsWith('fe80:')).slice(0, 4)
  }

  const linkLocal = (bridge: RegExp) =>
    Object.entries(networkInterfaces())
      .filter(([name]) => bridge.test(name))
      .flatMap(([, list]) => list ?? [])
      .filter(({ address }) => address.startsWith('fe80:'))
      .map(({ address }) => `${address}%eth0`)

  function found(output: string): Record<string, number[]> {
    return Object.fromEntries(
      [...output.matchAll(/scan (\S+) (\[.*?\])/g)].map(([, host = '', ports = '']) => [host, JSON.parse(ports)]),
    )
  }

  /** What of an answer is more than may be found. */
  function beyond(
    ports: Record<string, number[]>,
    proxies = [at.system.httpPort, at.system.httpsPort],
  ): Record<string, number[]> {
    const allowed = [dns, ...proxies]
    return Object.fromEntries(
      Object.entries(ports).map(([host, open]) => [host, open.filter((port) => !allowed.includes(port))]),
    )
  }

  /** Where anything listens on this host, on loopback alone as well. */
  async function listening(): Promise<string> {
    const lines = (await quickly('ss', '-Hltn')).trim().split('\n')
    const ports = lines.map((line) => /:(\d+)$/.exec(line.split(/\s+/)[3] ?? '')?.[1])
    expect(ports).toEqual(expect.arrayContaining([hidden, at.system.sshPort, at.system.httpPort].map(String)))
    return [...new Set(ports)].join(',')
  }

  test('from an app finds the proxy of the host, and nothing else of it, nothing of other apps, no secrets', async () => {
    const ports = await listening()
    const near = linkLocal(new RegExp(`^mp${at.system.label}-`))
    expect(near).not.toEqual([])
    // Where apps call each other, of which this one was let in nowhere.
    const internal = at.system.pool.replace(/0\.0\/16$/, '251.255')
    const scan = [
      'gateway',
      `${internal}#${ports}`,
      ...[...addresses(), ...near].map((host) => `${host}#${ports}`),
      ...metadata,
      `${other}#5000`,
    ]
    const words = ['run', 'scanner', 'env', `'SCAN=${scan.join(' ')}'`, 'node', 'scan.js']
    const open = found(await at.person.must('ssh', 'megapolos', ...words))
    expect(Object.keys(open)).toHaveLength(scan.length)
    expect(open.gateway).toContain(at.system.httpPort)
    expect(open[internal]).toEqual([])
    expect(beyond(open)).toEqual(Object.fromEntries(Object.keys(open).map((host) => [host, []])))
  })

  test('from a build step finds no more', async () => {
    const ports = await listening()
    const hosts = ['gateway', ...addresses(), ...linkLocal(/^docker0$/)].map((host) => `${host}#${ports}`)
    const scan = [...hosts, ...metadata, `${other}#5000`]
    await at.person.must('ssh', 'megapolos', 'config:set', 'scanner', '--no-restart', `'SCAN=${scan.join(' ')}'`)
    await edit(at.person, 'web.js', 'found', 'again')
    await commit(at.person, 'Scan in the build')
    const open = found(await push(at.person))
    expect(Object.keys(open)).toHaveLength(scan.length)
    // Builds of all systems of a machine share one bridge: the proxies of the others are found there too.
    const rules = await quickly('iptables', '-S')
    const proxies = [...rules.matchAll(/^-A MP\w+-INPUT .*--dport (\d+) -j ACCEPT$/gm)].map(([, port]) => Number(port))
    expect(beyond(open, proxies)).toEqual(Object.fromEntries(Object.keys(open).map((host) => [host, []])))
  })
})
