/** Real containers for drivers under test, without a kernel: what each was given is what a test hands over. */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { createContainerDrivers, type Refusal } from '../server/devices/container-drivers.ts'
import type { DriverHost } from '../server/devices/driver.ts'
import { digestOf, readFolder } from '../server/devices/driver-folder.ts'
import { probe } from '../server/devices/probe.ts'
import { type Drivers, loadRegistry, type Registry } from '../server/devices/registry.ts'
import type { Proof } from '../server/devices/suite.ts'
import type { Approval, DeviceClass, Privilege } from '../server/domain/device.ts'
import { createDriverContainers } from '../server/engine/driver-container.ts'
import { dockerSocket } from '../server/engine/test-image.ts'
import { createLog } from '../server/log.ts'

export interface DriverHouse {
  readonly folder: string
  readonly refusals: Refusal[]
  readonly lost: string[]
  readonly registry: Registry
  /** A copy of test/drivers/NAME.mjs as a driver, found and approved for these privileges. */
  add(name: string, privileges?: readonly Privilege[], of?: DeviceClass): Promise<void>
  /** A copy of a folder that is a driver, likewise, for the privileges that it asks for. */
  addFolder(path: string): Promise<void>
  load<C extends DeviceClass = 'database'>(name: string, host: DriverHost): Drivers[C]
  /** As `drivers:test` begins: true when it speaks its contract. */
  probe(name: string, tell: (proof: Proof) => void): Promise<boolean>
  stop(name: string): void
  close(): Promise<void>
}

export async function driverHouse(
  system: string,
  image: (packages: readonly string[]) => Promise<string>,
): Promise<DriverHouse> {
  const root = await mkdtemp(join(tmpdir(), 'megapolos-drivers-'))
  const folder = join(root, 'drivers')
  const copies = join(root, 'copies')
  await mkdir(folder)
  await mkdir(copies)
  const approvals = new Map<string, Approval>()
  const refusals: Refusal[] = []
  const lost: string[] = []
  const engine = createDriverContainers({ socket: dockerSocket, system })
  const log = createLog((line) => {
    const said = JSON.parse(line)
    if (said.event === 'driver.lost') lost.push(said.why)
  })
  const containers = createContainerDrivers({
    found: (name) => registry.found(name),
    approval: async (name) => approvals.get(name) ?? null,
    image,
    start: engine.start as never,
    copies,
    refused: (refusal) => refusals.push(refusal),
    log,
  })
  const registry = await loadRegistry(join(root, 'program'), { folder, load: containers.load })
  async function approve(driver: string, privileges: readonly Privilege[]) {
    await registry.rescan()
    const digest = digestOf(await readFolder(join(folder, driver)))
    approvals.set(driver, { driver, digest, privileges, approvedBy: 'tester', approvedAt: '' })
  }
  return {
    ...{ folder, refusals, lost, registry, stop: (name) => containers.stop(name, 'the test wants it') },
    async add(name, privileges = [], of = 'database') {
      const place = join(folder, name)
      await mkdir(place)
      for (const file of [`${name}.mjs`, 'line.mjs'])
        await cp(join(import.meta.dirname, 'drivers', file), join(place, file))
      await writeFile(join(place, 'driver.json'), JSON.stringify({ ...manifest(name, privileges), class: of }))
      await approve(name, privileges)
    },
    async addFolder(path) {
      const name = basename(path)
      await cp(path, join(folder, name), { recursive: true })
      await approve(name, [])
      await approve(name, registry.manifest(name).privileges)
    },
    probe: (name, tell) => probe(name, { registry, containers }, tell),
    load: <C extends DeviceClass>(name: string, host: DriverHost) => containers.load(name)(host) as Drivers[C],
    async close() {
      containers.close()
      await engine.sweep()
      await rm(root, { recursive: true, force: true })
    },
  }
}

export function manifest(name: string, privileges: readonly Privilege[]) {
  return {
    ...{
      name,
      version: '1.0.0',
      class: 'database',
      contract: 1,
      runs: 'container',
      description: 'For tests',
      privileges,
    },
    image: { packages: ['nodejs'], command: ['node', `${name}.mjs`] },
  }
}

/** A host on which every call fails, but for those that a test gives. */
export function hostWith(device: string, calls: Partial<DriverHost> = {}): DriverHost {
  const never = async (): Promise<never> => {
    throw new Error('a call that this test did not expect')
  }
  return {
    ...{ device, folder: '/nowhere', system: 'test', settings: {}, log: createLog(() => {}) },
    node: { exec: never, packages: never, serve: never, stop: never },
    containers: {
      ...{ image: never, ensure: never, remove: never, restart: never, exec: never, state: never },
      ...{ list: never, logs: never, removeVolume: never },
    },
    network: { endpoint: never, release: never },
    secrets: { get: never, set: never },
    volume: { open: never },
    ...calls,
  }
}
