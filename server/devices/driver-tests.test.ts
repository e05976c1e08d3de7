/** With a real store, the real suites, and a database in the memory of this process as the driver. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { memoryDatabase } from '../../drivers/conformance/memory-for-test.ts'
import { scratchSettings } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import { startStore, type TestStore } from '../state/stores-for-test.ts'
import type { DatabaseDriver } from './classes/database.ts'
import { createDevices, type Devices } from './devices.ts'
import { createDriverTests, type DriverTests } from './driver-tests.ts'
import type { DriversControl } from './drivers.ts'
import type { HostParts } from './host.ts'
import { loadRegistry } from './registry.ts'
import { createScratch } from './scratch.ts'
import type { Proof } from './suite.ts'

const program = dirname(dirname(import.meta.dirname))
const never = new AbortController().signal
const box = { driver: 'box', as: null, on: null }

let home: string
let opened: TestStore
let server: Server
/** The driver that box is. */
let boxed: DatabaseDriver
let state: string
let devices: Devices
let tests: DriverTests
let left: string[]
let proofs: Proof[]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'megapolos-driver-tests-'))
  opened = await startStore('sqlite')
  server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  be(memoryDatabase((server.address() as { port: number }).port))
  state = 'ready'
  left = []
  proofs = []
  await addBox()
  await open(join(home, 'drivers'))
})
afterEach(async () => {
  server.close()
  await opened.stop()
  await rm(home, { recursive: true, force: true })
})

/** As the kernel does it at its start, with the drivers in this folder. */
async function open(drivers: string) {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const containers = {
    list: async () => left.map((name) => ({ name, sources: [] })),
    remove: async (_device: string, name: string) => void left.splice(left.indexOf(name), 1),
  }
  const parts = { devicesFolder: join(home, 'devices'), home, system: 't', pool: '10.64.0.0/12', store: opened.store }
  const host = { ...parts, log, containers } as unknown as HostParts
  const registry = await loadRegistry(drivers)
  const config = { httpPort: 80, httpsPort: 443, paths: { volumes: join(home, 'volumes') } }
  devices = createDevices({ registry, store: opened.store, config, host, log })
  const control = {
    info: async (name: string) => ({ class: registry.manifest(name).class, state }),
    probe: async () => true,
  } as unknown as DriversControl
  const scratch = createScratch({ devices, registry, store: opened.store, containers: { stop: () => {} }, host })
  tests = createDriverTests({ drivers: control, devices, scratch, program })
}

const told = { proof: (proof: Proof) => void proofs.push(proof), progress: () => {} }
const broken = () => proofs.filter(({ outcome }) => outcome === 'broken').map(({ promise }) => promise)
const untried = () => [...new Set(proofs.filter(({ outcome }) => outcome === 'untried').map(({ why }) => why))]
const names = async () => (await opened.store.devices.list()).map(({ name }) => name)

test('all promises are tried on a device that nobody else can use, and that is gone afterwards', async () => {
  const seen = new Set<string>()
  const look = async () => {
    for (const one of await devices.list()) seen.add(`${one.name}: ${one.state}`)
    await expect(devices.database('test-of-box')).rejects.toMatchObject({ code: 'conflict' })
  }
  const looks: Promise<void>[] = []
  const proof = (one: Proof) => {
    told.proof(one)
    if (one.promise === 'it is installed') looks.push(look())
  }
  expect(await tests.test(box, { ...told, proof }, never)).toBeNull()
  await Promise.all(looks)
  expect([...seen]).toEqual(['test-of-box: It was made by drivers:test, and goes when that ends.'])
  expect(broken()).toEqual([])
  expect(proofs.filter(({ outcome }) => outcome === 'kept').length).toBeGreaterThan(10)
  expect(untried()).toEqual(['it needs a client of what the server speaks'])
  expect(await names()).toEqual([])
  expect(await readdir(join(home, 'devices'))).toEqual([])
})

const falls = async () => {
  throw new Error('it fell off')
}

test.each([
  ['drop', { drop: async () => {} }, 'every call can be repeated, and does only what is missing'],
  ['install', { install: falls }, 'it is installed'],
])('a driver whose %s is wrong is told which promise it breaks, and leaves nothing', async (_, wrong, promise) => {
  be({ ...boxed, ...wrong })
  await tests.test(box, told, never)
  expect(broken()).toContain(promise)
  expect(await names()).toEqual([])
})

test('one that fails to uninstall, or leaves a container, is gone all the same, and that is told', async () => {
  const right = boxed
  be({ ...right, uninstall: falls })
  await tests.test(box, told, never)
  expect(proofs.at(-1)).toMatchObject({ outcome: 'broken', why: 'it fell off' })
  be(right)
  left = ['server']
  await tests.test(box, told, never)
  expect(proofs.at(-1)).toMatchObject({ outcome: 'broken', why: 'It leaves the container server behind.' })
  expect([left, await names()]).toEqual([[], []])
})

test('what a driver refuses in a sentence is not held against it', async () => {
  const refuse = async () => {
    throw new UserError('refused', 'A box is not backed up.')
  }
  be({ ...boxed, inspect: refuse, dump: refuse, restore: refuse })
  await tests.test(box, told, never)
  expect(broken()).toEqual([])
  expect(untried()).toContain('A box is not backed up.')
})

test('a test that is cancelled ends after the promise that it tries, and leaves nothing', async () => {
  const cancel = new AbortController()
  const proof = (one: Proof) => {
    told.proof(one)
    if (one.promise === 'it is installed') cancel.abort(new Error('cancelled by hand'))
  }
  await expect(tests.test(box, { ...told, proof }, cancel.signal)).rejects.toThrow('cancelled by hand')
  expect(proofs.map(({ promise }) => promise)).toEqual(['it is installed', 'nothing of it stays when it is removed'])
  expect(await names()).toEqual([])
})

test('what a dead kernel has left of a test is removed; a device that is only called so stays', async () => {
  const row = { driver: 'box', class: 'database', node: 'local', as: 'container', version: null } as const
  const settings = { memory: 64 }
  await opened.store.devices.add({ ...row, name: 'test-of-mine', state: 'ready', settings })
  for (const state of ['installing', 'removing'] as const) {
    const scratch = { ...settings, ...scratchSettings }
    await opened.store.devices.add({ ...row, name: `test-of-${state}`, state, settings: scratch })
  }
  left = ['server']
  await tests.removeLeft()
  expect([left, await names()]).toEqual([[], ['test-of-mine']])
})

test('one that nobody has approved is not given a device', async () => {
  state = 'waits for approval'
  expect(await tests.test(box, told, never)).toMatch(/^Nobody has approved it.*drivers:approve box/)
  expect(proofs).toEqual([])
})

test('two tests of one driver do not meet', async () => {
  const both = await Promise.allSettled([tests.test(box, told, never), tests.test(box, told, never)])
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
})

test('an archive is tried on one that is there, which keeps its files and gets no others', {
  timeout: 60_000,
}, async () => {
  await open(join(program, 'drivers'))
  const path = join(home, 'shelf')
  await mkdir(path)
  await writeFile(join(path, 'kept'), 'yes')
  const row = {
    name: 'shelf',
    driver: 'volume',
    class: 'archive',
    node: 'local',
    as: 'adopted',
    version: null,
  } as const
  await opened.store.devices.add({ ...row, state: 'ready', settings: { path } })
  const wish = { driver: 'volume', as: null, on: null }
  expect(await tests.test(wish, told, never)).toContain('--on')
  await expect(tests.test({ ...wish, on: 'cellar' }, told, never)).rejects.toMatchObject({ code: 'not-found' })
  expect(await tests.test({ ...wish, on: 'shelf' }, told, never)).toBeNull()
  expect(broken()).toEqual([])
  expect(proofs.length).toBeGreaterThan(10)
  expect(await names()).toEqual(['shelf'])
  const files = await readdir(path, { recursive: true, withFileTypes: true })
  expect(files.filter((file) => file.isFile()).map(({ name }) => name)).toEqual(['kept'])
})

test('a storage is tried in a folder of its own, and not where the volumes are', async () => {
  await open(join(program, 'drivers'))
  expect(await tests.test({ driver: 'directory', as: null, on: null }, told, never)).toBeNull()
  expect(broken()).toEqual([])
  await expect(readdir(join(home, 'volumes'))).rejects.toMatchObject({ code: 'ENOENT' })
  expect(await readdir(join(home, 'devices'))).toEqual([])
})

function be(driver: DatabaseDriver) {
  boxed = driver
  Object.assign(globalThis, { boxed })
}

async function addBox() {
  const folder = join(home, 'drivers/box')
  await mkdir(folder, { recursive: true })
  const said = { name: 'box', version: '1.0.0', class: 'database', contract: 1, runs: 'module', description: 'box' }
  await writeFile(join(folder, 'driver.json'), JSON.stringify({ ...said, privileges: [], installs: ['container'] }))
  await writeFile(join(folder, 'index.ts'), 'export const createDriver = () => globalThis.boxed')
}
