/** The examination itself, and probes against planted faults that the test system cannot have. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createEngine } from '../engine/docker.ts'
import { type AnyCheck, check, type Finding, type House } from './check.ts'
import { clock } from './checks/clock.ts'
import { containers } from './checks/containers.ts'
import { engine } from './checks/engine.ts'
import { routes } from './checks/routes.ts'
import { createDoctor } from './doctor.ts'
import { listenersOn } from './listeners.ts'
import { clockOffset, serversIn } from './time-servers.ts'

const house = { config: { home: '/var/lib/megapolos', program: '/opt/megapolos/current' } } as House
const made = (changes: Partial<AnyCheck>): AnyCheck =>
  check({
    name: 'one',
    about: 'The thing',
    remedy: () => 'mend it',
    probe: async () => ({}),
    judge: () => [],
    ...changes,
  })
const examine = (checks: AnyCheck[], patience?: number) => createDoctor(house, checks, patience).examine()
const finding = (severity: Finding['severity'], problem: string) => ({ severity, problem, fix: 'x' })

test('a healthy machine has no findings', async () => {
  expect(await examine([made({}), made({})])).toEqual({ checks: 2, healthy: true, findings: [] })
})

test('errors come before warnings, and with nothing but notes it is healthy', async () => {
  const judge = () => [finding('note', 'a'), finding('warning', 'b'), finding('error', 'c')]
  const report = await examine([made({ judge })])
  expect(report.findings.map(({ problem }) => problem)).toEqual(['c', 'b', 'a'])
  expect(report.healthy).toBe(false)
  expect((await examine([made({ judge: () => [finding('note', 'a')] })])).healthy).toBe(true)
})

test('a probe that fails and one that hangs are findings, and keep no other from its turn', async () => {
  const { findings } = await examine(
    [
      made({ probe: () => Promise.reject(new Error('It is gone.')) }),
      made({ probe: () => new Promise(() => {}) }),
      made({ judge: () => [finding('error', 'seen')] }),
    ],
    50,
  )
  expect(findings.map(({ problem }) => problem)).toEqual([
    'The thing could not be looked at: It is gone.',
    'The thing could not be looked at: there was no answer in 0.05 s.',
    'seen',
  ])
  expect(findings[0]?.fix).toBe('mend it')
})

test('what could not be looked at without the store is not told beside that the store is away', async () => {
  const away = made({ name: 'store', judge: () => [finding('error', 'the store is away')] })
  const lost = made({ needs: ['store'], probe: () => Promise.reject(new Error('no store')) })
  expect((await examine([away, lost])).findings.map(({ problem }) => problem)).toEqual(['the store is away'])
  expect((await examine([made({ name: 'store' }), lost])).findings).toHaveLength(1)
})

test('an engine that is too old is named by what it says of itself', async () => {
  // A small fake: no engine that old can be installed here.
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-doctor-'))
  const socket = join(folder, 'docker.sock')
  const old = createServer((request, response) => {
    const version = { Version: '19.03.15', ApiVersion: '1.40' }
    const root = { DockerRootDir: '/var/lib/docker', LiveRestoreEnabled: true, SecurityOptions: ['name=seccomp'] }
    const info = { ...root, SystemTime: new Date().toISOString() }
    response.end(JSON.stringify(request.url?.startsWith('/version') ? version : info))
  }).listen(socket)
  onTestFinished(async () => {
    old.close()
    await rm(folder, { recursive: true })
  })
  await once(old, 'listening')
  const doctor = createDoctor({ ...house, engine: createEngine({ socket, system: 'none' }) }, [engine])
  expect((await doctor.examine()).findings).toMatchObject([
    { check: 'engine', problem: expect.stringContaining('engine API 1.40'), fix: expect.stringContaining('docker.io') },
  ])
})

test('an engine that does not run is named once, not by each who needs it', async () => {
  const store = { apps: { list: async () => [] } } as unknown as House['store']
  const gone = { ...house, store, engine: createEngine({ socket: '/nowhere/docker.sock', system: 'none' }) }
  const { findings } = await createDoctor(gone, [engine, containers]).examine()
  expect(findings).toMatchObject([
    {
      problem: 'Docker could not be looked at: Docker does not answer on /nowhere/docker.sock.',
      fix: '/opt/megapolos/current/install.sh restart docker --home /var/lib/megapolos',
    },
  ])
})

test('routes that are being changed are looked at again', async () => {
  const hosts = [['a.test', 'b.test'], ['a.test']]
  const world = {
    ...house,
    store: {
      domains: {
        list: async () => (hosts.shift() ?? ['a.test']).map((host) => ({ host })),
        global: async () => 'test',
      },
    },
    routes: () => ({ hosts: { 'a.test': {}, 'git.test': {}, 'panel.test': {} } }),
    proxy: () => ({ status: async () => ({ running: true, hosts: 3 }) }),
    devices: { list: async () => [] },
  } as unknown as House
  expect((await createDoctor(world, [routes]).examine()).findings).toEqual([])
  expect(hosts).toEqual([])
})

test('a clock that is 90 s behind is named', async () => {
  const engine = createEngine({ socket: '/var/run/docker.sock', system: 'none' })
  const store = { events: { list: async () => [] } } as unknown as House['store']
  const doctor = createDoctor({ ...house, engine, store, now: () => Date.now() - 90_000 }, [clock])
  expect((await doctor.examine()).findings).toMatchObject([
    { severity: 'error', problem: expect.stringMatching(/^The clock is (89|9\d)\.\d s behind that of /) },
  ])
})

test('the clock is compared with a time server by one question', async () => {
  const server = createSocket('udp4')
  onTestFinished(() => void server.close())
  server.on('message', (question, from) => {
    expect(question[0]).toBe(0x23)
    const answer = Buffer.alloc(48)
    answer[0] = 0x24
    answer[1] = 2
    const seconds = Date.now() / 1000 + 2_208_988_800
    for (const at of [32, 40]) {
      answer.writeUInt32BE(Math.floor(seconds), at)
      answer.writeUInt32BE(Math.floor((seconds % 1) * 2 ** 32), at + 4)
    }
    server.send(answer, from.port, from.address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const right = await clockOffset(['127.0.0.1'], Date.now, { port })
  expect(Math.abs(right?.ahead ?? Number.NaN)).toBeLessThan(0.5)
  const late = await clockOffset(['127.0.0.1'], () => Date.now() - 90_000, { port })
  expect(late?.ahead).toBeCloseTo(-90, -1)
  expect(await clockOffset(['127.0.0.1'], Date.now, { port: 9, patience: 100 })).toBeNull()
})

test('time servers are those of the machine’s own settings', () => {
  expect(serversIn('pool 2.debian.pool.ntp.org iburst\n# server no\nserver time.example\n')).toEqual([
    '2.debian.pool.ntp.org',
    'time.example',
  ])
  expect(serversIn('[Time]\nNTP=a.example b.example\n#NTP=c\n')).toEqual(['a.example', 'b.example'])
})

test('who listens on a port is found with its process, and who is only connected to it is not', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const visitor = connect(port, '127.0.0.1')
  await once(server, 'connection')
  expect(await listenersOn(port)).toMatchObject([[{ pid: process.pid, program: 'node' }]])
  visitor.destroy()
  server.close()
  await once(server, 'close')
  expect(await listenersOn(port)).toEqual([])
})
