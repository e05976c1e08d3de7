import { Readable, Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type DriverHouse, driverHouse, hostWith } from '../../../test/driver-house.ts'
import { makeImage, sweep } from '../../engine/test-image.ts'
import type { Process } from '../driver.ts'

const system = 'trpc'
let image: string
let house: DriverHouse

beforeAll(async () => {
  await sweep(system)
  image = await makeImage(system)
})
beforeEach(async () => {
  house = await driverHouse(system, async () => image)
})
afterEach(() => house.close())
afterAll(() => sweep(system))

const never = () => new AbortController().signal

/** What a program in a container would be: it prints `out`, and keeps what it reads. */
function program(out: Iterable<string>, ended: Awaited<Process['ended']>) {
  const read: string[] = []
  const stdin = new Writable({
    write: (chunk, _encoding, done) => {
      read.push(String(chunk))
      done()
    },
  })
  const process: Process = { stdin, stdout: Readable.from(out), ended: Promise.resolve(ended) }
  return { read, process }
}

function containersThat(run: (command: readonly string[]) => Process) {
  const host = hostWith('cache')
  return {
    containers: {
      ...host.containers,
      exec: async (_: string, { command }: { command: readonly string[] }) => run(command),
    },
  }
}

test('every call of the class arrives with its arguments, and its answer comes back', async () => {
  await house.add('honest', ['network'])
  const network = { endpoint: async () => ({ host: '10.0.0.7', port: 5000 }), release: async () => {} }
  const driver = house.load('honest', hostWith('cache', { network }))
  await driver.create('blog')
  await driver.create('shop')
  await driver.drop('blog')
  expect(await driver.list()).toEqual(['shop'])
  expect(await driver.status()).toEqual({ running: true, version: '1.0', problem: null })
  expect(await driver.logs(2)).toEqual(['line 0', 'line 1'])
  const login = { user: 'u', password: 'p' }
  expect(await driver.grant('shop', login)).toEqual({ host: '10.0.0.7', port: 5000, database: 'shop' })
})

test('progress comes line by line while the call goes on', async () => {
  await house.add('honest')
  const lines: string[] = []
  await house
    .load('honest', hostWith('cache'))
    .install({ version: null, as: 'container', memory: 64 }, (line) => lines.push(line))
  expect(lines).toEqual(['one of 64', 'two of 64', 'three of 64'])
})

test('the bytes of a dump go past the driver, and what it counted comes after them', async () => {
  await house.add('honest', ['containers'])
  const size = 64
  const out = Array.from({ length: size }, () => 'x'.repeat(1024 ** 2))
  const driver = house.load(
    'honest',
    hostWith(
      'cache',
      containersThat(() => program(out, { code: 0, stderr: '' }).process),
    ),
  )
  const { bytes, contents } = await driver.dump('blog', never())
  let length = 0
  for await (const chunk of bytes) length += chunk.length
  expect(length).toBe(size * 1024 ** 2)
  expect(await contents).toEqual({ tables: [], definitions: ['ended with 0'] })
})

test('a dump that failed says so, however whole its bytes look', async () => {
  await house.add('honest', ['containers'])
  const failing = () => program(['half'], { code: 1, stderr: 'disk full' }).process
  const driver = house.load('honest', hostWith('cache', containersThat(failing)))
  const { bytes, contents } = await driver.dump('blog', never())
  expect(await text(bytes)).toBe('half')
  await expect(contents).rejects.toThrow('dump said: disk full')
})

test('what is restored goes into the program that the driver named', async () => {
  await house.add('honest', ['containers'])
  const { read, process } = program([], { code: 0, stderr: '' })
  const driver = house.load(
    'honest',
    hostWith(
      'cache',
      containersThat(() => process),
    ),
  )
  await driver.restore('blog', Readable.from(['one ', 'two']), never())
  expect(read.join('')).toBe('one two')
})

test('an archive takes and gives streams; one that breaks on its way in says why, in its own words', async () => {
  await house.add('shelf', ['containers'], 'archive')
  const { read, process } = program(['what was kept'], { code: 0, stderr: '' })
  const driver = house.load<'archive'>(
    'shelf',
    hostWith(
      'shelf',
      containersThat(() => process),
    ),
  )
  expect(await driver.put('a/b', Readable.from(['one ', 'two']), never())).toEqual({ bytes: 7 })
  expect(read.join('')).toBe('one two')
  expect(await driver.list('')).toEqual([{ name: 'a', bytes: 1 }])
  expect(await text(await driver.get('a/b', never()))).toBe('what was kept')

  const broken = Readable.from(
    (async function* () {
      yield 'one'
      throw new Error('the disk that it is read from is gone')
    })(),
  )
  const other = program([], { code: 1, stderr: 'cut off' })
  const second = house.load<'archive'>(
    'shelf',
    hostWith(
      'other',
      containersThat(() => other.process),
    ),
  )
  await expect(second.put('a/b', broken, never())).rejects.toThrow('the disk that it is read from is gone')
})

test('a terminal on the node is not opened for a driver that may not run anything there', async () => {
  await house.add('honest')
  const connecting = house.load('honest', hostWith('cache')).connect('blog', { user: 'u', password: 'p' })
  await expect(connecting).rejects.toThrow('it has no privilege exec:node')
})

test('a driver that was changed after its approval is not run', async () => {
  await house.add('honest')
  const driver = house.load('honest', hostWith('cache'))
  expect(await driver.list()).toEqual([])
  const { appendFile } = await import('node:fs/promises')
  await appendFile(`${house.folder}/honest/honest.mjs`, '\n// and more\n')
  house.stop('honest')
  await expect(driver.list()).rejects.toThrow('The driver honest has changed since it was approved.')
})

test('all calls fail at once when the driver dies, with its last words, and the next one after a pause starts it again', async () => {
  await house.add('broken')
  const driver = house.load('broken', hostWith('cache'))
  const waiting = driver.create('hang').catch((error) => error)
  await expect(driver.create('crash')).rejects.toMatchObject({ code: 'unavailable', detail: ['the disk is on fire'] })
  expect((await waiting).message).toContain('The driver broken ended')
  await expect(driver.list()).rejects.toMatchObject({ code: 'unavailable', hint: 'It is started again in 1 s.' })
  await expect.poll(() => driver.list().catch(() => null)).toEqual(['alive'])
})

test.each(['garbage', 'no-header', 'gigabyte', 'negative', 'no-json', 'endless', 'memory', 'progress'])(
  'a driver that does harm with its output (%s) is ended, and harms no other',
  async (how) => {
    await house.add('broken')
    await house.add('honest')
    const [bad, good] = [house.load('broken', hostWith('bad')), house.load('honest', hostWith('good'))]
    await good.create('mine')
    const before = process.memoryUsage().rss
    await expect(bad.create(how)).rejects.toMatchObject({ code: 'unavailable' })
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 ** 2)
    expect(await good.list()).toEqual(['mine'])
  },
)

test('what a driver says on standard error is read, bounded, and does not stop it', async () => {
  await house.add('broken')
  const driver = house.load('broken', hostWith('cache'))
  const talking = driver.create('stderr').catch((error) => error)
  expect(await driver.list()).toEqual(['alive'])
  house.stop('broken')
  const [line = ''] = (await talking).detail
  expect(line.length).toBeLessThanOrEqual(4096)
})

test('an answer that is not what the class says is refused, and names the field', async () => {
  await house.add('broken')
  await expect(house.load('broken', hostWith('cache')).status()).rejects.toThrow(
    /answered status with nonsense: running:/,
  )
})

test('a call that is cancelled ends at once, and a driver that does not let go of it is ended', async () => {
  await house.add('broken')
  const driver = house.load('broken', hostWith('cache'))
  const stop = new AbortController()
  const hanging = (driver as unknown as { create(name: string, signal: AbortSignal): Promise<void> }).create(
    'hang',
    stop.signal,
  )
  hanging.catch(() => {})
  // The driver has the first call when it answers the second.
  expect(await driver.list()).toEqual(['alive'])
  stop.abort()
  await expect(hanging).rejects.toMatchObject({ code: 'cancelled' })
  await expect.poll(() => house.lost).toEqual(['it did not stop create when it was told to'])
})

test('a hostile driver reaches nothing without a grant, and each try is told', async () => {
  await house.add('hostile')
  const driver = house.load('hostile', hostWith('cache'))
  const said = await driver.list()
  expect(said.filter((line) => !/^[\w.]+ forbidden: /.test(line))).toEqual([])
  expect(house.refusals.map(({ call }) => call)).toEqual(said.map((line) => line.split(' ')[0]))
  expect(house.refusals[0]).toEqual({ driver: 'hostile', device: 'cache', call: 'node.exec', privilege: 'exec:node' })

  expect(await driver.logins('x')).toEqual([
    'engine.exec not-found: The kernel has no call engine.exec.',
    'constructor not-found: The kernel has no call constructor.',
    '__proto__ not-found: The kernel has no call __proto__.',
    'toString not-found: The kernel has no call toString.',
    expect.stringMatching(/^secrets.get forbidden/),
    'streams.read not-found: There is no stream 1 to read.',
    'streams.pipe not-found: There is no stream 1 to read.',
    'process.kill not-found: There is no process 1.',
    expect.stringMatching(/^streams.read usage/),
  ])
  await expect(driver.connect('x', { user: 'u', password: 'p' })).rejects.toMatchObject({ code: 'forbidden' })
})

test('the container of a driver has no network, no socket, no right and nothing to write to', async () => {
  await house.add('hostile')
  expect(await house.load('hostile', hostWith('cache')).logs(1)).toEqual([
    'engine undefined: ENOENT',
    'kernel undefined: ENOENT',
    'loopback undefined: ECONNREFUSED',
    'bridge undefined: ENETUNREACH',
    'metadata undefined: ENETUNREACH',
    'interfaces lo',
    'uid 65534',
    `capabilities ${'0'.repeat(16)} ${'0'.repeat(16)}`,
    'root EROFS',
    'folder EROFS',
    'shadow ENOENT',
    'sysctl EROFS',
    'environment HOME HOSTNAME PATH',
    'socket-mounts false',
  ])
})

test('a fork bomb and a flood of calls end at their limits', async () => {
  await house.add('hostile')
  const driver = house.load('hostile', hostWith('cache'))
  const [, forks] = /(\d+) of 200 refused/.exec(await driver.restart().catch((error) => error.message)) ?? []
  expect(Number(forks)).toBeGreaterThan(120)
  expect(await driver.drop('x').catch((error) => error.message)).toMatch(
    /19\d\d of 2000 were too many|of 2000 were too many/,
  )
})

test('what is granted is granted with its bounds: only own images, no capabilities of root, no lines that leave a build', async () => {
  await house.add('greedy', ['containers', 'volume', 'secrets'])
  const made: unknown[] = []
  const kept = new Map<string, string>()
  const host = hostWith('cache', {
    containers: {
      ...hostWith('cache').containers,
      image: async () => 'sha256:mine',
      ensure: async (container) => void made.push(container.name),
    },
    secrets: {
      get: async (name) => kept.get(name) ?? null,
      set: async (name, value) => void kept.set(name, value ?? ''),
    },
  })
  const said = await house.load('greedy', host).list()
  expect(said.filter((line) => line.startsWith('got'))).toEqual([
    'got "sha256:mine"',
    'got null',
    'got null',
    'got "x"',
  ])
  expect(said.filter((line) => !line.startsWith('got') && !/^(usage|refused|forbidden): /.test(line))).toEqual([])
  expect(made).toEqual(['mine'])
})
