import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Device } from '../domain/device.ts'
import { createLog } from '../log.ts'
import { createDevices } from './devices.ts'
import type { DriverHost } from './driver.ts'
import { loadRegistry } from './registry.ts'

const quiet = createLog(() => {})
let home: string
let rows: Device[]
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'megapolos-devices-'))
  rows = []
  await addDriver('nginx', 'proxy', ['network'])
  await addDriver('docker', 'builder', ['engine'])
  await addDriver('directory', 'storage', ['volume'])
  await addDriver('acme', 'certificate', ['secrets'])
  await addDriver('self-signed', 'certificate', [])
})
afterEach(() => rm(home, { recursive: true, force: true }))

/** A driver that gives back what it was given. */
async function addDriver(name: string, deviceClass: string, privileges: string[]) {
  const folder = join(home, 'drivers', name)
  await mkdir(folder, { recursive: true })
  const said = {
    name,
    version: '1.0.0',
    class: deviceClass,
    contract: 1,
    runs: 'module',
    description: name,
    privileges,
  }
  await writeFile(join(folder, 'driver.json'), JSON.stringify(said))
  await writeFile(
    join(folder, 'index.ts'),
    `export const createDriver = (host) => ({
      host,
      install: async () => ({ changed: true }),
      status: async () => ({ running: false, hosts: 0, requests: 0 }),
    })`,
  )
}

async function devices() {
  const store = {
    devices: {
      list: async () => rows,
      get: async (name: string) => rows.find((row) => row.name === name),
      add: async (device: Omit<Device, 'createdAt'>) => void rows.push({ ...device, createdAt: 'now' }),
    },
  }
  // Drivers that ask for nothing but a folder and the engine's socket.
  const host = {
    ...{ devicesFolder: join(home, 'devices'), engineSocket: '/docker.sock', system: 'test', log: quiet },
    pool: '10.64.0.0/12',
  }
  return createDevices({
    registry: await loadRegistry(join(home, 'drivers')),
    store: store as unknown as Parameters<typeof createDevices>[0]['store'],
    config: { httpPort: 8080, httpsPort: 8443, paths: { volumes: '/volumes' } },
    host: host as unknown as Parameters<typeof createDevices>[0]['host'],
    log: quiet,
  })
}

/** Ports that another server has. */

const hostOf = (driver: unknown) => (driver as { host: DriverHost }).host

test('the default devices are added once, and the proxy is installed', async () => {
  const ours = await devices()
  expect(await ours.installDefaults()).toEqual({ proxyChanged: true })
  await (await devices()).installDefaults()
  expect(rows.map((device) => `${device.name} ${device.class} ${device.node}`)).toEqual([
    'nginx proxy local',
    'docker builder local',
    'directory storage local',
    'acme certificate local',
    'self-signed certificate local',
  ])
})

test('a driver is given what its privileges say and nothing else', async () => {
  const ours = await devices()
  await ours.installDefaults()
  expect(hostOf(ours.builder()).engineSocket).toBe('/docker.sock')
  expect('engineSocket' in hostOf(ours.proxy())).toBe(false)
  expect(hostOf(ours.proxy()).settings).toEqual({ httpPort: 8080, httpsPort: 8443, internal: '10.79.251.255:8080' })
  expect(hostOf(await ours.storage('directory')).settings).toEqual({ folder: '/volumes' })
  expect((await stat(hostOf(ours.proxy()).folder)).mode & 0o777).toBe(0o700)
})

test('devices are listed with their state', async () => {
  const ours = await devices()
  await ours.installDefaults()
  expect((await ours.list()).map((device) => `${device.name}: ${device.state}`)).toEqual([
    'nginx: The proxy does not answer.',
    'docker: ready',
    'directory: ready',
    'acme: ready',
    'self-signed: ready',
  ])
})

test('a device that is not installed yet is unavailable', async () => {
  const ours = await devices()
  expect(() => ours.proxy()).toThrow('The proxy is not installed yet.')
})
