import { execFile } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hostsForTest, type TestHosts } from '../../test/device-hosts.ts'
import { createEngine } from '../engine/docker.ts'
import { dockerSocket } from '../engine/test-image.ts'
import type { DeviceContainer, DriverHost, Process } from './driver.ts'

const run = promisify(execFile)
const system = 'thost'
const secret = 'sesame-4711'
let hosts: TestHosts
let host: DriverHost
let image: string

beforeAll(async () => {
  hosts = await hostsForTest(system, '10.110.16.0/20')
  host = await hosts.host('pg')
  const lines: string[] = []
  const source = { hub: null, debian: { packages: ['socat'], lines: ['RUN useradd -u 4321 -U keeper'] } }
  image = await host.containers.image(source, (line) => lines.push(line))
}, 180_000)
afterAll(() => hosts.close())

function container(changes: Partial<DeviceContainer> = {}): DeviceContainer {
  return {
    ...{ name: 'server', image, env: {}, memory: 64, user: 'keeper', stopTimeout: 2, capabilities: [] },
    command: ['socat', 'TCP-LISTEN:5000,fork,reuseaddr', 'SYSTEM:cat /var/lib/keeper/said'],
    files: { '/etc/keeper/deep/key.pem': secret },
    volumes: { '/var/lib/keeper': 'data' },
    ports: { 5000: 'main' },
    ...changes,
  }
}

async function output(process: Process): Promise<string> {
  process.stdin.end()
  const said = await text(process.stdout)
  expect(await process.ended).toMatchObject({ code: 0 })
  return said
}

const sh = async (line: string) => output(await host.containers.exec('server', { command: ['sh', '-c', line] }))
const idOf = async (name = 'pg.server') =>
  (await run('docker', ['inspect', '-f', '{{.Id}} {{.State.StartedAt}}', `mp-${system}.${name}`])).stdout.trim()

function ask(address: string, port: number): Promise<string> {
  return text(createConnection({ host: address, port }))
}

describe('containers', () => {
  test('one that is asked for twice at once is made once', async () => {
    const ensure = () => host.containers.ensure(container({ ports: {} }))
    await Promise.all([ensure(), ensure()])
    expect(await host.containers.list()).toEqual(['server'])
    await host.containers.remove('server', 1)
  })

  test('an image is made once, and is called by the same id from then on', async () => {
    const lines: string[] = []
    const source = { hub: null, debian: { packages: ['socat'], lines: ['RUN useradd -u 4321 -U keeper'] } }
    expect(await host.containers.image(source, (line) => lines.push(line))).toBe(image)
    expect(lines).toEqual([])
  })

  test('one is reached at its endpoint, has its volume and its files as its user, and shows no secret', async () => {
    const endpoint = await host.network.endpoint('main', 5000)
    expect(endpoint).toEqual({ host: '10.110.24.1', port: 5000 })
    await host.containers.ensure(container())
    expect(await sh('id -un; stat -c "%a %U" /etc/keeper/deep/key.pem; cat /etc/keeper/deep/key.pem')).toBe(
      `keeper\n600 keeper\n${secret}`,
    )
    await sh('echo kept > /var/lib/keeper/said')
    expect(await ask(endpoint.host, endpoint.port)).toBe('kept\n')
    const volume = join(host.folder, 'volumes/data')
    expect(await readFile(join(volume, 'said'), 'utf8')).toBe('kept\n')
    expect((await stat(volume)).mode & 0o777).toBe(0o700)
    const { stdout } = await run('docker', ['inspect', `mp-${system}.pg.server`])
    expect(stdout).not.toContain(secret)
    expect(JSON.parse(stdout)[0].HostConfig).toMatchObject({
      ...{ CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], Memory: 64 * 1024 * 1024 },
      RestartPolicy: { Name: 'unless-stopped' },
    })
  })

  test('what is like this already stays, and what differs is replaced with its data', async () => {
    await host.containers.ensure(container())
    const before = await idOf()
    await (await hosts.host('pg')).containers.ensure(container())
    expect(await idOf()).toBe(before)
    await host.containers.ensure(container({ files: { '/etc/keeper/deep/key.pem': 'another' } }))
    expect(await idOf()).not.toBe(before)
    expect(await sh('cat /etc/keeper/deep/key.pem /var/lib/keeper/said')).toBe('anotherkept\n')
  })

  test('one that was stopped runs again, and one that never started is made anew', async () => {
    await host.containers.ensure(container())
    await run('docker', ['stop', '-t', '1', `mp-${system}.pg.server`])
    expect(await host.containers.state('server')).toEqual({ running: false, exitCode: 143 })
    await host.containers.ensure(container())
    expect(await host.containers.state('server')).toEqual({ running: true, exitCode: null })
    // As a kernel leaves it that is killed before it has written the files.
    const full = `mp-${system}.pg.server`
    const { stdout } = await run('docker', ['inspect', '-f', '{{index .Config.Labels "megapolos.digest"}}', full])
    await run('docker', ['rm', '-f', full])
    await run('docker', ['create', '--name', full, '--label', `megapolos.digest=${stdout.trim()}`, image, 'sleep', '9'])
    await host.containers.ensure(container())
    expect(await sh('cat /etc/keeper/deep/key.pem')).toBe(secret)
  })

  test('a program takes what it is sent, however long, and its environment is in no process list', async () => {
    await host.containers.ensure(container())
    const long = 'x'.repeat(3_000_000)
    const process = await host.containers.exec('server', { command: ['wc', '-c'], env: { PGPASSWORD: secret } })
    process.stdin.end(long)
    expect((await text(process.stdout)).trim()).toBe('3000000')
    const waiting = await host.containers.exec('server', { command: ['cat'], env: { PGPASSWORD: secret } })
    expect((await run('ps', ['-eo', 'args'])).stdout).not.toContain(secret)
    expect(await output(waiting)).toBe('')
    expect(await output(await host.containers.exec('server', { command: ['id', '-un'], user: 'nobody' }))).toBe(
      'nobody\n',
    )
  })

  test('a program that fails tells its code and its last words; one that is not wanted any more is killed', async () => {
    await host.containers.ensure(container())
    const failing = await host.containers.exec('server', { command: ['sh', '-c', 'echo no >&2; exit 3'] })
    failing.stdout.resume()
    expect(await failing.ended).toEqual({ code: 3, stderr: 'no\n' })
    const stop = new AbortController()
    const sleeping = await host.containers.exec('server', { command: ['sleep', '600'], signal: stop.signal })
    sleeping.stdout.on('error', () => {}).resume()
    stop.abort()
    expect((await sleeping.ended).code).toBe(137)
    expect(await sh('cat /proc/[0-9]*/comm')).not.toContain('sleep')
    await expect(host.containers.exec('other', { command: ['true'] })).rejects.toMatchObject({ code: 'unavailable' })
  })

  test('a device sees its own containers only, and a volume in use is not deleted', async () => {
    await host.containers.ensure(container())
    const other = await hosts.host('pg2')
    await other.containers.ensure(container({ ports: {}, name: 'other' }))
    expect([await host.containers.list(), await other.containers.list()]).toEqual([['server'], ['other']])
    expect(await other.containers.state('server')).toBeNull()
    await expect(host.containers.removeVolume('data')).rejects.toMatchObject({ code: 'conflict' })
    await expect(host.containers.removeVolume('../pg2')).rejects.toMatchObject({ code: 'usage' })
    await other.containers.remove('other', 1)
    await other.containers.removeVolume('data')
    await expect(stat(join(other.folder, 'volumes/data'))).rejects.toMatchObject({ code: 'ENOENT' })
    await other.containers.removeVolume('data')
  })

  test('containers of devices do not reach each other', async () => {
    await host.containers.ensure(container())
    const other = await hosts.host('pg2')
    await other.containers.ensure(container({ ports: {}, name: 'other' }))
    const { stdout } = await run('docker', [
      ...['inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}'],
      `mp-${system}.pg.server`,
    ])
    const tries = await other.containers.exec('other', {
      command: ['socat', '-u', `TCP:${stdout.trim()}:5000,connect-timeout=2`, '-'],
    })
    expect(await text(tries.stdout)).toBe('')
    expect((await tries.ended).code).toBe(1)
  })

  test('who looks after apps is not told of it', async () => {
    await host.containers.ensure(container())
    const engine = createEngine({ socket: dockerSocket, system })
    expect(await engine.list()).toEqual([])
    const stop = new AbortController()
    const events = engine.events(stop.signal)[Symbol.asyncIterator]()
    const first = events.next()
    await host.containers.restart('server')
    const labels = [`megapolos.system=${system}`, 'megapolos.group=g', 'megapolos.app=blog']
    await run('docker', ['run', '--rm', ...labels.flatMap((label) => ['--label', label]), image, 'true'])
    expect((await first).value).toMatchObject({ kind: 'started', app: 'blog' })
    stop.abort()
  })

  test('its last lines are told, and a restart keeps it', async () => {
    await host.containers.ensure(
      container({ name: 'talker', command: ['sh', '-c', 'echo one; echo two; sleep 60'], ports: {} }),
    )
    await expect.poll(() => host.containers.logs('talker', 1)).toEqual(['two'])
    const before = await idOf('pg.talker')
    await host.containers.restart('talker')
    expect((await idOf('pg.talker')).split(' ')[0]).toBe(before.split(' ')[0])
    expect(await idOf('pg.talker')).not.toBe(before)
    await host.containers.remove('talker', 1)
    await host.containers.remove('talker', 1)
  })
})

describe('the node', () => {
  test('a program runs as its user with its own environment, and is killed with what it started', async () => {
    const process = await host.node.exec({
      command: ['sh', '-c', 'id -un; echo $WORD; env'],
      env: { WORD: secret },
      user: 'nobody',
    })
    const said = await output(process)
    expect(said).toContain(`nobody\n${secret}\n`)
    expect(said).not.toContain('VITEST')
    const stop = new AbortController()
    const sleeping = await host.node.exec({ command: ['sh', '-c', 'sleep 4711 & wait'], signal: stop.signal })
    stop.abort()
    expect((await sleeping.ended).code).toBe(137)
    expect((await run('ps', ['-eo', 'args'])).stdout).not.toContain('sleep 4711')
  })

  test('what cannot be started says so', async () => {
    await expect(host.node.exec({ command: ['/nowhere'] })).rejects.toMatchObject({ code: 'unavailable' })
    await expect(host.node.exec({ command: ['true'], user: 'martian' })).rejects.toMatchObject({ code: 'unavailable' })
  })
})

describe('servers on the node', () => {
  const words = (told: string, port: number) => {
    const code = `
      process.on('SIGINT', () => { console.log('interrupted'); process.exit() });
      require('net').createServer((socket) => socket.end(process.pid + ' ${told} ' + process.getuid())).listen(${port}, '10.110.24.9')`
    return [process.execPath, '-e', code.replaceAll('\n', ' ')]
  }
  const server = (told: string) =>
    ({ name: 'main', command: words(told, 5009), user: 'nobody', stopSignal: 'SIGINT' }) as const
  const told = async () => (await ask('10.110.24.9', 5009)).split(' ')

  test('one is kept alive, stays as it is when asked for again, and is replaced when its words change', async () => {
    await host.node.serve(server('first'))
    await expect.poll(told).toEqual([expect.any(String), 'first', '65534'])
    const [pid] = await told()
    await (await hosts.host('pg')).node.serve(server('first'))
    expect(await told()).toEqual([pid, 'first', '65534'])
    process.kill(Number(pid), 'SIGKILL')
    await expect.poll(() => told().catch(() => [pid])).not.toContain(pid)
    await host.node.serve(server('second'))
    await expect.poll(() => told().catch(() => [])).toContain('second')
  })

  test('one that is stopped got its own signal, and is gone for good', async () => {
    await host.node.serve(server('last'))
    await expect.poll(() => told().catch(() => [])).toContain('last')
    await host.node.stop('main')
    const log = join(dirname(dirname(host.folder)), 'logs/pg.main.log')
    expect((await readFile(log, 'utf8')).trimEnd().split('\n').at(-1)).toBe('interrupted')
    await expect(told()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    await host.node.stop('main')
    await expect(host.node.serve({ ...server('x'), name: '../main' })).rejects.toMatchObject({ code: 'usage' })
  })

  test('packages that are there are left alone, and one that nobody knows is refused', async () => {
    expect(await host.node.packages(['bash', 'coreutils'], () => {})).toEqual({ installed: false })
    const unknown = host.node.packages(['megapolos-no-such-package'], () => {})
    await expect(unknown).rejects.toMatchObject({
      code: 'refused',
      message: 'The packages megapolos-no-such-package could not be installed.',
      detail: expect.arrayContaining([expect.stringContaining('Unable to locate package')]),
    })
    await expect(host.node.packages(['-o', 'x'], () => {})).rejects.toMatchObject({ code: 'usage' })
  })
})

test('secrets are the device’s own', async () => {
  await host.secrets.set('admin', secret)
  expect(await (await hosts.host('pg')).secrets.get('admin')).toBe(secret)
  expect(await (await hosts.host('pg2')).secrets.get('admin')).toBeNull()
})

test('calls without their privilege are refused', async () => {
  const bare = await hosts.host('bare', { privileges: [] })
  const refused = { code: 'forbidden' }
  await expect(bare.containers.list()).rejects.toMatchObject(refused)
  await expect(bare.node.exec({ command: ['true'] })).rejects.toMatchObject(refused)
  await expect(bare.network.endpoint('main', 1)).rejects.toMatchObject(refused)
  await expect(bare.secrets.get('x')).rejects.toMatchObject(refused)
  expect(bare.engineSocket).toBeUndefined()
  const some = await hosts.host('some', { privileges: ['containers'] })
  await expect(some.containers.ensure(container({ ports: {} }))).rejects.toMatchObject(refused)
  await expect(some.containers.ensure(container({ volumes: {} }))).rejects.toMatchObject(refused)
})
