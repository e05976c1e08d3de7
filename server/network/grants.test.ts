/** Who reaches a device: real apps' networks, a real container of a device, and a server on the node. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createConnection, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostsForTest, type TestHosts } from '../../test/device-hosts.ts'
import type { Endpoint } from '../devices/driver.ts'
import { containerSpec } from '../engine/container-spec.ts'
import { createEngine } from '../engine/docker.ts'
import { dockerSocket, makeImage } from '../engine/test-image.ts'
import { createFirewall, type Grant } from './firewall.ts'
import { addressIn, appNetwork, bridgePrefix, endpointBlock } from './subnets.ts'

const run = promisify(execFile)
const system = 'tgrant'
const pool = '10.110.32.0/20'
const engine = createEngine({ socket: dockerSocket, system })
const log = { info: () => {}, warn: console.warn, error: console.error }
const servers: Server[] = []
const apps: string[] = []
let hosts: TestHosts
let grants: readonly Grant[] = []
const firewall = createFirewall({
  ...{ system, interfaces: [`${bridgePrefix(system)}+`], separate: [], log },
  // Open to every app on the other addresses of the host, as the proxy's is.
  ports: [5001],
  ...{ endpoints: endpointBlock(pool), grants: async () => grants },
})
let published: Endpoint
let listening: Endpoint
let ungranted: Endpoint

beforeAll(async () => {
  hosts = await hostsForTest(system, pool)
  await firewall.remove()
  const image = await makeImage(system)
  const host = await hosts.host('pg')
  published = await host.network.endpoint('published', 5000)
  listening = await host.network.endpoint('listening', 5001)
  ungranted = await host.network.endpoint('ungranted', 5001)
  await host.containers.ensure({
    ...{ name: 'server', image, env: {}, memory: 32, volumes: {}, stopTimeout: 1, capabilities: [] },
    command: ['/bin/sh', '-c', 'while :; do echo hello | nc -l -p 5000; done'],
    ports: { 5000: 'published' },
  })
  for (const address of [listening.host, '0.0.0.0']) {
    const server = createServer((socket) => socket.end('hello')).listen(address === '0.0.0.0' ? 5999 : 5001, address)
    servers.push(server)
    await once(server, 'listening')
  }
  for (const index of [0, 1]) apps.push(await startApp(image, index))
  await firewall.apply()
}, 120_000)
afterAll(async () => {
  await firewall.remove()
  for (const server of servers) server.close()
  await hosts.close()
})

async function startApp(image: string, index: number): Promise<string> {
  const app = `0a0a0a0${index}`
  const network = appNetwork(pool, system, app, index)
  await engine.ensureNetwork({ ...network, app })
  const id = await engine.create(
    containerSpec({
      ...{ system, appName: `blog${index}`, place: { app, process: 'web', index: 1, release: 1, group: 'aaaaaaaa' } },
      process: { image, command: ['/bin/sleep', '600'], port: 5000 },
      ...{
        config: {},
        commit: '',
        hardened: true,
        network: network.name,
        hosts: [],
        address: addressIn(pool, index, 2),
      },
      ...{ memory: 32, restart: false, mounts: [] },
    }),
  )
  await engine.start(id)
  return id
}

function grant(app: number, { host, port }: Endpoint): Grant {
  return { subnet: `${addressIn(pool, app, 0)}/24`, host, port }
}

async function reaches(container: string, { host, port }: Endpoint): Promise<boolean> {
  const session = await engine.exec(container, { command: ['/bin/nc', '-w', '2', host, String(port)], tty: false })
  const said = await text(session.stdout as NodeJS.ReadableStream)
  session.stderr.resume()
  await session.exit
  return said.startsWith('hello')
}

/** What each app reaches: the published port, the server on the node, an endpoint that nobody was granted, another port of the host. */
async function seen(container = ''): Promise<boolean[]> {
  const other = { host: published.host, port: 5999 }
  const all = [published, listening, ungranted, other]
  const found: boolean[] = []
  for (const endpoint of all) found.push(await reaches(container, endpoint))
  return found
}

const nothing = [false, false, false, false]

test('nobody but the machine itself reaches a device that was granted to nobody', async () => {
  expect(await seen(apps[0])).toEqual(nothing)
  for (const { host, port } of [published, listening]) {
    expect(await text(createConnection({ host, port }))).toMatch(/^hello/)
  }
})

test('a granted app reaches it, and nothing else; another app does not', async () => {
  grants = [grant(0, published), grant(0, listening)]
  await firewall.apply()
  expect(await seen(apps[0])).toEqual([true, true, false, false])
  expect(await seen(apps[1])).toEqual(nothing)
})

test('after Docker or somebody else has emptied the chains, it is as it was', async () => {
  await run('iptables', ['-D', 'DOCKER-USER', '-i', `${bridgePrefix(system)}+`, '-j', 'MPTGRANT-FORWARD'])
  await run('iptables', ['-F', 'MPTGRANT-FORWARD'])
  await run('iptables', ['-F', 'MPTGRANT-INPUT'])
  await firewall.apply()
  expect(await seen(apps[0])).toEqual([true, true, false, false])
  expect(await seen(apps[1])).toEqual(nothing)
})

test('revoked, it is closed for whoever comes then', async () => {
  grants = [grant(1, listening)]
  await firewall.apply()
  expect(await seen(apps[0])).toEqual(nothing)
  expect(await seen(apps[1])).toEqual([false, true, false, false])
})

test('a neighbour on the wire, who sends packets straight to the addresses, reaches nothing', async () => {
  const [space, near, far] = [`mp-${system}`, `mp${system}0`, `mp${system}1`]
  const ip = (...words: string[]) => run('ip', words)
  const there = (...words: string[]) => run('nsenter', [`--net=/run/netns/${space}`, ...words])
  const answers = async ({ host, port }: Endpoint) =>
    there('/bin/busybox', 'nc', '-w', '2', host, String(port)).then(
      ({ stdout }) => stdout.startsWith('hello'),
      () => false,
    )
  await ip('netns', 'add', space)
  try {
    await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far, 'netns', space)
    await ip('addr', 'add', '10.110.60.1/30', 'dev', near)
    await ip('link', 'set', near, 'up')
    for (const words of [
      ['addr', 'add', '10.110.60.2/30', 'dev', far],
      ['link', 'set', far, 'up'],
      ['route', 'add', endpointBlock(pool), 'via', '10.110.60.1'],
    ])
      await there('ip', ...words)
    await firewall.remove()
    expect([await answers(published), await answers(listening)]).toEqual([true, true])
    await firewall.apply()
    expect([await answers(published), await answers(listening)]).toEqual([false, false])
  } finally {
    await ip('netns', 'del', space)
  }
})

test('a container of a device does not reach another device, nor the host', async () => {
  const host = await hosts.host('pg')
  for (const { host: address, port } of [listening, { host: published.host, port: 5999 }]) {
    const process = await host.containers.exec('server', { command: ['nc', '-w', '2', address, String(port)] })
    expect(await text(process.stdout)).toBe('')
    expect((await process.ended).code).not.toBe(0)
  }
})
