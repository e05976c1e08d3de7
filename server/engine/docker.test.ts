import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Place } from '../domain/container.ts'
import { type ContainerSpec, containerSpec, oneOffSpec } from './container-spec.ts'
import { createEngine } from './docker.ts'
import type { EngineEvent } from './engine.ts'
import { dockerSocket, makeImage, sweep } from './test-image.ts'

const system = 'tengine'
const network = {
  name: 'mp-tengine-0a0a0a0a',
  subnet: '10.91.0.0/24',
  gateway: '10.91.0.1',
  range: '10.91.0.240/28',
  bridge: 'mptengine-0',
  app: '0a0a0a0a',
}
const engine = createEngine({ socket: dockerSocket, system })
let image: string

beforeAll(async () => {
  await sweep(system)
  image = await makeImage(system)
  await engine.ensureNetwork(network)
})
afterEach(async () => {
  for (const { id } of [...(await engine.list()), ...(await engine.listOneOff())]) await engine.remove(id)
})
afterAll(() => sweep(system))

function place(index = 1): Place {
  return { app: network.app, process: 'web', index, release: 1, group: 'aaaaaaaa' }
}

function spec(command: string, changes: Partial<ContainerSpec> = {}, index = 1): ContainerSpec {
  const made = containerSpec({
    system,
    appName: 'blog',
    place: place(index),
    process: { image, command: ['/bin/sh', '-c', command], port: 5000 },
    config: {},
    commit: 'c0ffee',
    hardened: true,
    network: network.name,
    hosts: [],
    address: `10.91.0.${index + 1}`,
    memory: 64,
    restart: false,
    mounts: [],
  })
  return { ...made, ...changes }
}

function oneOff(command: string, tty = false): ContainerSpec {
  return oneOffSpec({
    system,
    appName: 'blog',
    place: { ...place(), process: 'run' },
    process: { image, command: ['/bin/sh', '-c', command], port: null },
    config: { GREETING: 'hello' },
    commit: 'c0ffee',
    hardened: true,
    network: network.name,
    hosts: [],
    memory: 64,
    tty,
    stdin: true,
    mounts: [],
  })
}

async function text(stream: NodeJS.ReadableStream): Promise<string> {
  let all = ''
  for await (const chunk of stream) all += chunk
  return all
}

describe('containers', () => {
  test('one that is started is listed with its place, address and limit', async () => {
    const id = await engine.create(spec('sleep 60'))
    expect(await engine.list('0a0a0a0a')).toMatchObject([{ id, state: 'created' }])
    await engine.start(id)
    expect(await engine.list()).toEqual([
      { ...place(), id, address: '10.91.0.2', port: 5000, memory: 64, state: 'running' },
    ])
    expect(await engine.inspect(id)).toMatchObject({ state: 'running', address: '10.91.0.2', ending: null })
  })

  test('one that somebody gave another address counts as dead: requests to its own would reach a stranger', async () => {
    const id = await engine.create(spec('sleep 60'))
    await engine.start(id)
    const docker = promisify(execFile)
    await docker('docker', ['network', 'disconnect', network.name, id])
    await docker('docker', ['network', 'connect', '--ip', '10.91.0.9', network.name, id])
    expect(await engine.list()).toMatchObject([{ id, state: 'dead' }])
  })

  test('a process runs as user 1000, without capabilities, privileges or swap', async () => {
    const id = await engine.create(spec('id -u; grep -E "CapEff|CapBnd|NoNewPrivs" /proc/self/status'))
    await engine.start(id)
    await engine.wait(id)
    const lines = await Array.fromAsync(engine.logs(id, { tail: 'all' }), (line) => line.text.replace(/\s+/g, ' '))
    expect(lines).toEqual(['1000', 'CapEff: 0000000000000000', 'CapBnd: 0000000000000000', 'NoNewPrivs: 1'])
  })

  test('a folder that is only for reading has nothing in it that could be written, no disk that is mounted in it either', async () => {
    const source = await mkdtemp(join(tmpdir(), 'mp-engine-'))
    const [inner, run] = [join(source, 'disk'), promisify(execFile)]
    await mkdir(inner)
    await run('mount', ['-t', 'tmpfs', 'none', inner])
    for (const folder of [source, inner]) await chmod(folder, 0o777)
    try {
      const mounts = [{ source, target: '/data', readOnly: true, propagation: 'rprivate' }] as const
      const id = await engine.create(spec('touch /data/disk/new 2>&1; touch /data/new 2>&1', { mounts }))
      await engine.start(id)
      await engine.wait(id)
      const lines = await Array.fromAsync(engine.logs(id, { tail: 'all' }), (line) => line.text)
      expect(lines).toEqual([expect.stringContaining('Read-only'), expect.stringContaining('Read-only')])
    } finally {
      await run('umount', [inner])
      await rm(source, { recursive: true })
    }
  })

  test('how it ended is known: exit code, or killed for its memory', async () => {
    const exits = await engine.create(spec('exit 3'))
    await engine.start(exits)
    expect(await engine.wait(exits)).toEqual({ exitCode: 3, oomKilled: false, restarts: 0 })
    const hungry = await engine.create(spec('', { command: ['/bin/node', '-e', hog] }, 2))
    await engine.start(hungry)
    expect(await engine.wait(hungry)).toMatchObject({ exitCode: 137, oomKilled: true })
  })

  test('one that is kept is started again by the engine', async () => {
    const id = await engine.create(spec('trap "echo end; exit" TERM; echo begin; while :; do sleep 0.1; done'))
    await engine.start(id)
    await engine.keep(id)
    const lines = engine.logs(id, { tail: 'all', follow: true })[Symbol.asyncIterator]()
    const next = async () => (await lines.next()).value?.text
    expect(await next()).toBe('begin')
    await (await engine.exec(id, { command: ['/bin/sh', '-c', 'kill -TERM 1'], tty: false })).exit
    expect([await next(), await next()]).toEqual(['end', 'begin'])
    await lines.return?.()
  })

  test('starting one that runs is no error', async () => {
    const id = await engine.create(spec('sleep 60'))
    await engine.start(id)
    await expect(engine.start(id)).resolves.toBeUndefined()
  })

  test('stopping and removing what is gone is no error', async () => {
    const id = await engine.create(spec('trap "exit 0" TERM; while :; do sleep 0.1; done'))
    await engine.start(id)
    await engine.stop(id, 5)
    await engine.stop(id, 5)
    await engine.remove(id)
    await engine.remove(id)
    await engine.stop(id, 5)
    expect(await engine.inspect(id)).toBeNull()
  })

  test('a command that is not in the image is refused with what Docker said', async () => {
    const id = await engine.create(spec('', { command: ['/bin/nothing'] }))
    await expect(engine.start(id)).resolves.toBeUndefined()
    expect((await engine.wait(id)).exitCode).toBe(127)
    const gone = engine.create(spec('true', { image: 'sha256:'.padEnd(71, '0'), name: 'mp-tengine-x' }))
    await expect(gone).rejects.toMatchObject({ code: 'refused', detail: [expect.stringContaining('No such image')] })
  })

  test('the ports it listens on are known, loopback apart', async () => {
    const listen =
      'const n=require("net");n.createServer().listen(8080);n.createServer().listen(9090,"127.0.0.1",()=>console.log("up"))'
    const id = await engine.create(spec('', { command: ['/bin/node', '-e', listen] }))
    await engine.start(id)
    for await (const _ of engine.logs(id, { tail: 'all', follow: true })) break
    expect(await engine.listening(id)).toEqual([
      { port: 8080, loopbackOnly: false },
      { port: 9090, loopbackOnly: true },
    ])
  })

  test('one-off containers take none of the assigned addresses and are listed apart', async () => {
    const id = await engine.create(oneOff('sleep 60'))
    await engine.start(id)
    expect((await engine.inspect(id))?.address).toMatch(/^10\.91\.0\.2[45]\d$/)
    expect(await engine.list()).toEqual([])
    expect(await engine.listOneOff()).toEqual([
      { id, app: '0a0a0a0a', process: 'run', group: 'aaaaaaaa', name: 'mp-tengine-blog-run-1-aaaaaaaa' },
    ])
  })
})

const hog = 'const h=[];setInterval(()=>h.push(Buffer.alloc(8*1024*1024,1)),1)'

describe('logs', () => {
  test('lines come with time and stream, in order, and very long ones are cut', async () => {
    const id = await engine.create(
      spec('', {
        command: ['/bin/node', '-e', 'console.log("one");console.error("two");console.log("x".repeat(40000));'],
      }),
    )
    await engine.start(id)
    await engine.wait(id)
    const lines = await Array.fromAsync(engine.logs(id, { tail: 'all' }))
    expect(lines.map(({ stream, text }) => [stream, text.slice(0, 3), text.length <= 16 * 1024])).toEqual(
      expect.arrayContaining([
        ['stdout', 'one', true],
        ['stderr', 'two', true],
        ['stdout', 'xxx', true],
      ]),
    )
    expect(lines.every(({ at }) => /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(at))).toBe(true)
    expect(await Array.fromAsync(engine.logs(id, { tail: 1 }))).toHaveLength(1)
  })

  test('following goes on when the engine starts it again, and ends when it is gone', async () => {
    const id = await engine.create(spec('echo begin; sleep 0.4; exit 1', { restart: true }))
    await engine.start(id)
    const lines: string[] = []
    for await (const line of engine.logs(id, { tail: 'all', follow: true })) {
      lines.push(line.text)
      if (lines.length === 2) await engine.remove(id)
    }
    expect(lines.slice(0, 2)).toEqual(['begin', 'begin'])
  })

  test('a silent container can be followed and let go', async () => {
    const id = await engine.create(spec('sleep 60'))
    await engine.start(id)
    const enough = new AbortController()
    setTimeout(() => enough.abort(), 100)
    expect(await Array.fromAsync(engine.logs(id, { tail: 'all', follow: true, signal: enough.signal }))).toEqual([])
  })
})

describe('sessions', () => {
  test('a one-off command reads, writes on two streams and says how it ended', async () => {
    const id = await engine.create(oneOff('read name; echo $GREETING $name; echo trouble >&2; exit 9'))
    const session = await engine.attach(id, { tty: false })
    session.stdin.end('world\n')
    const [out, err, code] = await Promise.all([text(session.stdout), text(session.stderr), session.exit])
    expect([out, err, code]).toEqual(['hello world\n', 'trouble\n', 9])
  })

  test('a terminal has the size that it is given, at once', async () => {
    const id = await engine.create(oneOff('read line; stty size', true))
    const session = await engine.attach(id, { tty: true })
    await session.resize(101, 37)
    session.stdin.write('\n')
    const [out, code] = await Promise.all([text(session.stdout), session.exit])
    expect(out).toContain('37 101')
    expect(code).toBe(0)
  })

  test('a command in a running container ends with its exit code, or is killed', async () => {
    const id = await engine.create(spec('sleep 60'))
    await engine.start(id)
    const command = ['/bin/sh', '-c', 'echo $WHO; exit 12']
    const session = await engine.exec(id, { command, tty: false, env: ['WHO=me'] })
    expect(await Promise.all([text(session.stdout), session.exit])).toEqual(['me\n', 12])
    const endless = await engine.exec(id, { command: ['/bin/sleep', '60'], tty: true })
    await endless.resize(80, 24)
    await endless.kill()
    expect(await endless.exit).toBe(137)
  })
})

describe('the connection', () => {
  let folder: string
  let cuttable: Awaited<ReturnType<typeof relay>>
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'megapolos-events-'))
    cuttable = await relay(join(folder, 'docker.sock'))
  })
  afterEach(async () => {
    await cuttable.close()
    await rm(folder, { recursive: true })
  })

  test('what happens while the connection is cut is told after it, once', async () => {
    const signal = new AbortController()
    const seen: EngineEvent[] = []
    const through = createEngine({ socket: join(folder, 'docker.sock'), system })
    const id = await engine.create(spec('sleep 60'))
    const following = (async () => {
      for await (const event of through.events(signal.signal)) {
        seen.push(event)
        if (event.kind === 'started') await cuttable.cut()
        if (event.kind === 'disconnected') {
          await engine.remove(id)
          cuttable.mend()
        }
        if (event.kind === 'removed') signal.abort()
      }
    })()
    await engine.start(id)
    await following
    expect(seen.map(({ kind }) => kind)).toEqual(['started', 'disconnected', 'reconnected', 'died', 'removed'])
    expect(seen[3]).toMatchObject({ id, app: '0a0a0a0a', exitCode: 137 })
  })

  test('waiting for a container ends with an error when the connection is cut', async () => {
    const through = createEngine({ socket: join(folder, 'docker.sock'), system })
    const id = await engine.create(spec('sleep 60'))
    await engine.start(id)
    const waiting = through.wait(id)
    await cuttable.answer()
    await cuttable.cut()
    await expect(waiting).rejects.toThrow()
  })

  test('an engine that is not there is said by its socket', async () => {
    await cuttable.cut()
    const away = createEngine({ socket: join(folder, 'docker.sock'), system })
    await expect(away.version()).rejects.toMatchObject({
      code: 'unavailable',
      message: `Docker does not answer on ${join(folder, 'docker.sock')}.`,
    })
  })
})

test('the network of an app is made once, and one that overlaps is refused', async () => {
  await engine.ensureNetwork(network)
  await expect(
    engine.ensureNetwork({ ...network, name: 'mp-tengine-other', bridge: 'mptengine-1' }),
  ).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('10.91.0.0/24') })
})

test('an image is known by its id, its ports and its user, or not at all', async () => {
  expect(await engine.image(image)).toEqual({ id: image, ports: [], user: '' })
  expect(await engine.image('megapolos-test/none')).toBeNull()
})

/** A socket in front of the engine's that can be cut and mended. */
async function relay(path: string) {
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(dockerSocket)
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => {}).on('close', () => open.delete(socket))
    }
    upstream.once('data', () => server.emit('answer'))
    client.pipe(upstream).pipe(client)
  })
  const listen = () => new Promise<void>((resolve) => server.listen(path, resolve))
  await listen()
  const cut = async () => {
    const closed = new Promise((resolve) => server.close(resolve))
    for (const socket of open) socket.destroy()
    await closed
  }
  const answer = () => once(server, 'answer')
  return { answer, cut, mend: listen, close: () => (server.listening ? cut() : Promise.resolve()) }
}
