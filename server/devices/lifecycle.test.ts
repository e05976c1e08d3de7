/** With a real store, and drivers that note what they are asked. What they do to containers is host.test.ts's. */
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { startStore, type TestStore } from '../state/stores-for-test.ts'
import { createDevices, type Devices } from './devices.ts'
import type { HostParts } from './host.ts'
import { createLifecycle, type Lifecycle } from './lifecycle.ts'
import { loadRegistry } from './registry.ts'

let home: string
let opened: TestStore
let devices: Devices
let lifecycle: Lifecycle
let users: string[]
let left: string[]
const noted: unknown[] = []
const lines: string[] = []
const progress = (line: string) => void lines.push(line)
const wish = { driver: 'squirrel', name: null, version: null, as: null, memory: null }

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'megapolos-lifecycle-'))
  opened = await startStore('sqlite')
  users = []
  left = []
  noted.length = 0
  lines.length = 0
  Object.assign(globalThis, { squirrel: { noted, fails: null, UserError } })
  await addDriver('squirrel', {
    class: 'database',
    installs: ['container', 'node'],
    versions: ['3', '2'],
    aliases: ['sql'],
  })
  await addDriver('shed', { class: 'archive' })
  await addDriver('notary', { class: 'certificate' })
  await openHouse()
})
afterEach(async () => {
  await opened.stop()
  await rm(home, { recursive: true, force: true })
})

/** As the kernel does it at its start. */
async function openHouse() {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const containers = {
    list: async () => left.map((name) => ({ name, sources: [] })),
    remove: async (_device: string, name: string) => void left.splice(left.indexOf(name), 1),
  }
  const parts = {
    ...{ devicesFolder: join(home, 'devices'), home, system: 't', pool: '10.64.0.0/12', store: opened.store },
    log,
    containers,
  }
  const host = parts as unknown as HostParts
  const registry = await loadRegistry(join(home, 'drivers'))
  devices = createDevices({
    registry,
    store: opened.store,
    config: { httpPort: 80, httpsPort: 443, paths: { volumes: '/volumes' } },
    host,
    log,
  })
  lifecycle = createLifecycle({ devices, store: opened.store, host, users: async () => users })
}

async function addDriver(name: string, more: object) {
  const folder = join(home, 'drivers', name)
  await mkdir(folder, { recursive: true })
  const said = {
    name,
    version: '1.0.0',
    contract: 1,
    runs: 'module',
    description: name,
    privileges: ['secrets'],
    ...more,
  }
  await writeFile(join(folder, 'driver.json'), JSON.stringify(said))
  await writeFile(
    join(folder, 'index.ts'),
    `export const createDriver = (host) => new Proxy({}, {
      get: (_, call) => call === 'then' ? undefined : async (...words) => {
        const { noted, fails } = globalThis.squirrel
        noted.push([call, ...words.filter((word) => typeof word !== 'function'), host.settings])
        if (fails === call) throw new Error('it fell off')
        if (fails === 'refuse' && call === 'install') throw new globalThis.squirrel.UserError('refused', 'There is no such version.')
        if (call === 'check') noted.push(await host.secrets.get('key'))
        if (call === 'status') return { running: true, version: '3.1', problem: null }
      },
    })`,
  )
}

const failAt = (call: string | null) => {
  Object.assign((globalThis as unknown as { squirrel: object }).squirrel, { fails: call })
}
const states = async () => (await devices.list()).map(({ name, state }) => `${name}: ${state}`)

test('installed, its driver is told what was asked, and what it is from then on', async () => {
  expect(await lifecycle.planInstall({ ...wish, memory: 900 })).toEqual({
    device: 'squirrel',
    operation: 'install squirrel: squirrel as a container, with 900 MiB',
  })
  expect(await devices.list()).toEqual([])
  await lifecycle.install({ ...wish, driver: 'sql', name: 'nuts', version: '2', as: 'node', memory: 900 }, progress)
  const settings = { memory: 900, as: 'node', version: '2' }
  expect(noted).toEqual([['install', { version: '2', as: 'node', memory: 900 }, settings]])
  expect(lines).toEqual(['Installing nuts: squirrel 2 on the node'])
  expect(await states()).toEqual(['nuts: running'])
  await (await devices.database('nuts')).restart()
  expect(noted.at(-1)).toEqual(['restart', settings])
})

test('the same words again are the same device, with what was changed; others are refused', async () => {
  await lifecycle.install({ ...wish, version: '2' }, progress)
  await lifecycle.install({ ...wish, memory: 2048 }, progress)
  expect(noted.at(-1)).toMatchObject(['install', { version: '2', as: 'container', memory: 2048 }, { memory: 2048 }])
  const another = { code: 'conflict', message: 'There is a device squirrel already: squirrel 2 as a container.' }
  await expect(lifecycle.install({ ...wish, as: 'node' }, progress)).rejects.toMatchObject(another)
  await lifecycle.install({ ...wish, name: 'second' }, progress)
  expect(await states()).toEqual(['second: running', 'squirrel: running'])
})

test.each([
  [{ version: '9' }, 'squirrel does not know the version 9.'],
  [{ driver: 'shed' }, 'shed has nothing to install.'],
  [{ driver: 'bird' }, 'There is no driver bird.'],
])('%j is refused before anything is noted', async (words, message) => {
  await expect(lifecycle.install({ ...wish, ...words }, progress)).rejects.toMatchObject({ message })
  expect(await devices.list()).toEqual([])
})

test('what cannot be installed as it was asked for leaves nothing; a device that was there before stays', async () => {
  failAt('refuse')
  await expect(lifecycle.install(wish, progress)).rejects.toMatchObject({ code: 'refused' })
  expect(await devices.list()).toEqual([])
  expect(noted.map((one) => (one as unknown[])[0])).toEqual(['install', 'uninstall'])
  failAt(null)
  await lifecycle.install(wish, progress)
  failAt('refuse')
  await expect(lifecycle.install({ ...wish, memory: 900 }, progress)).rejects.toMatchObject({ code: 'refused' })
  expect((await devices.list()).map(({ name }) => name)).toEqual(['squirrel'])
})

test('an installation that failed or was killed is told, gives nobody its driver, and goes on with the same words', async () => {
  failAt('install')
  await expect(lifecycle.install(wish, progress)).rejects.toThrow('it fell off')
  const goesOn = 'It is not installed completely: devices:install squirrel --name squirrel goes on.'
  expect(await states()).toEqual([`squirrel: ${goesOn}`])
  await expect(devices.database('squirrel')).rejects.toMatchObject({ code: 'conflict' })
  failAt(null)
  await openHouse()
  await lifecycle.install(wish, progress)
  expect(await states()).toEqual(['squirrel: running'])
})

test('one that fails when asked how it is does not keep the others from being shown', async () => {
  await lifecycle.install(wish, progress)
  await lifecycle.install({ ...wish, name: 'second' }, progress)
  failAt('status')
  expect(await states()).toEqual(['second: it fell off', 'squirrel: it fell off'])
})

test('a server is adopted with its secrets, of which the row keeps nothing', async () => {
  const asked = { driver: 'squirrel', name: 'old', settings: { host: 'db' }, secrets: { password: 'sesame' } }
  await lifecycle.adopt(asked, progress)
  expect(noted).toEqual([['adopt', { host: 'db', password: 'sesame' }, { as: 'adopted' }]])
  expect(JSON.stringify(await devices.list())).not.toContain('sesame')
})

test('an archive that cannot be used yet keeps its row and secrets for the next try', async () => {
  const asked = { driver: 'shed', name: null, settings: { host: 'far' }, secrets: { key: 'sesame' } }
  failAt('check')
  await expect(lifecycle.adopt(asked, progress)).rejects.toThrow('it fell off')
  failAt(null)
  await lifecycle.adopt({ ...asked, settings: { host: 'near' }, secrets: {} }, progress)
  expect(noted.slice(-2)).toEqual([['check', { host: 'near', as: 'adopted' }], 'sesame'])
  expect(await states()).toEqual(['shed: ready'])
  expect((await devices.ofClass('archive')).map(({ name }) => name)).toEqual(['shed'])
})

test('an issuer is adopted with its secrets, and looked at', async () => {
  const asked = { driver: 'notary', name: 'ours', settings: { server: 'near' }, secrets: { key: 'sesame' } }
  await lifecycle.adopt(asked, progress)
  const settings = { server: 'near', as: 'adopted' }
  expect(noted).toEqual([['check', expect.any(AbortSignal), settings], 'sesame'])
  expect(JSON.stringify(await devices.list())).not.toContain('sesame')
})

test('one that is used is not removed, and its users are named', async () => {
  await lifecycle.install(wish, progress)
  users = ['the database blog-db', 'the database shop-db']
  const refused = { code: 'conflict', message: 'squirrel is used by the database blog-db, the database shop-db.' }
  await expect(lifecycle.planRemove('squirrel')).rejects.toMatchObject(refused)
  await expect(lifecycle.remove('squirrel', progress)).rejects.toMatchObject(refused)
  expect(await states()).toEqual(['squirrel: running'])
})

test('removed, nothing is left of it, whatever its driver has left and wherever the kernel was killed', async () => {
  await lifecycle.install(wish, progress)
  left = ['server', 'helper']
  failAt('uninstall')
  await expect(lifecycle.remove('squirrel', progress)).rejects.toThrow('it fell off')
  const goesOn = 'It is not removed completely: devices:remove squirrel --confirm squirrel goes on.'
  expect(await states()).toEqual([`squirrel: ${goesOn}`])
  await expect(lifecycle.install(wish, progress)).rejects.toMatchObject({ code: 'conflict' })
  failAt(null)
  await openHouse()
  await lifecycle.remove('squirrel', progress)
  expect([left, await devices.list()]).toEqual([[], []])
  await expect(stat(join(home, 'devices/squirrel'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('what came with the installation stays', async () => {
  const nginx = {
    name: 'nginx',
    driver: 'nginx',
    class: 'proxy',
    node: 'local',
    as: 'built-in',
    version: null,
  } as const
  await opened.store.devices.add({ ...nginx, state: 'ready', settings: {} })
  await expect(lifecycle.remove('nginx', progress)).rejects.toMatchObject({ code: 'refused' })
})

test('two do not change a device at the same time', async () => {
  const both = await Promise.allSettled([lifecycle.install(wish, progress), lifecycle.install(wish, progress)])
  expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect((both[1] as PromiseRejectedResult).reason).toMatchObject({ code: 'conflict' })
})
