/** What a driver is given by a real kernel, on a real engine, in a system of its own. */
import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { createDriver as createBuilder } from '../drivers/docker/index.ts'
import { createDeviceImages } from '../server/build/device-images.ts'
import type { DriverHost, HostBasics } from '../server/devices/driver.ts'
import { createHost } from '../server/devices/host.ts'
import { createNodeCalls } from '../server/devices/host-node.ts'
import { privileges as all, type Privilege } from '../server/domain/device.ts'
import { createDeviceContainers } from '../server/engine/device-containers.ts'
import { createEngine } from '../server/engine/docker.ts'
import { dockerSocket, sweep } from '../server/engine/test-image.ts'
import { bindEndpoints } from '../server/network/endpoints.ts'
import { deviceNetwork, endpointBlock } from '../server/network/subnets.ts'
import { startStore } from '../server/state/stores-for-test.ts'

export interface TestHosts {
  /** A new device of this name with all privileges; the same name again is the same device, as after a restart of the kernel. */
  host(device: string, given?: Given): Promise<DriverHost>
  /** Containers, networks, images, servers on the node and files go. */
  close(): Promise<void>
}

interface Given {
  readonly privileges?: readonly Privilege[]
  readonly settings?: HostBasics['settings']
}

/** `system`: of at most eight letters, another one in each file of tests; `pool`: a /20 of its own, such as `10.111.16.0/20`. */
export async function hostsForTest(system: string, pool: string): Promise<TestHosts> {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const home = await mkdtemp(join(tmpdir(), 'megapolos-host-'))
  for (const folder of ['run', 'logs']) await mkdir(join(home, folder))
  const engine = createEngine({ socket: dockerSocket, system })
  const builder = createBuilder({ folder: home, system, settings: {}, engineSocket: dockerSocket, log })
  const { store, key, stop } = await startStore('sqlite')
  await sweep(system)
  await bindEndpoints(pool)
  const parts = {
    ...{ home, program: dirname(import.meta.dirname), devicesFolder: join(home, 'devices') },
    ...{ engineSocket: dockerSocket, system, pool, store, log, network: deviceNetwork(pool, system) },
    containers: createDeviceContainers({ socket: dockerSocket, system, key }),
    image: createDeviceImages({ system, engine, builder: () => builder }, 'auto'),
    openVolume: async (): Promise<never> => {
      throw new Error('there are no volumes of the kernel here')
    },
  }
  return {
    async host(device, { privileges = all, settings = {} } = {}) {
      const row = { name: device, driver: 'test', class: 'database', node: 'local', as: 'container' } as const
      const known = (await store.devices.list()).some(({ name }) => name === device)
      if (!known) await store.devices.add({ ...row, version: null, state: 'ready', settings: {} })
      return createHost({ device, privileges, settings }, parts)
    },
    async close() {
      await sweep(system)
      for (const { name } of await store.devices.list()) {
        const node = createNodeCalls(name, parts)
        for (const server of await node.servers()) await node.stop(server)
      }
      await promisify(execFile)('ip', ['route', 'del', 'local', endpointBlock(pool), 'dev', 'lo'])
      await stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}
