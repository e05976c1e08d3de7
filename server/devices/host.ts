/** Gives a driver exactly what its privileges say. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Privilege } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import { endpointAddress } from '../network/subnets.ts'
import type { Store } from '../state/store.ts'
import type { DriverHost, HostBasics, NetworkCalls, SecretCalls, VolumeCalls } from './driver.ts'
import { type ContainerParts, createContainerCalls } from './host-containers.ts'
import { createNodeCalls, type NodeParts } from './host-node.ts'

/** All that drivers may ever ask for; `main.ts` puts it together. */
export interface HostParts extends ContainerParts, NodeParts {
  readonly devicesFolder: string
  readonly engineSocket: string
  readonly store: Pick<Store, 'deviceSecrets' | 'endpoints'>
  /** Directory of the kernel's volume of this name. Throws `not-found` and `unavailable`. */
  readonly openVolume: (name: string) => Promise<string>
  readonly log: Log
}

export interface HostInput {
  /** Name of the device. */
  readonly device: string
  readonly privileges: readonly Privilege[]
  readonly settings: HostBasics['settings']
}

export async function createHost({ device, privileges, settings }: HostInput, parts: HostParts): Promise<DriverHost> {
  const folder = join(parts.devicesFolder, device)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  const log = named(parts.log, device)
  const allowed = <T extends object>(privilege: Privilege, calls: T): T =>
    privileges.includes(privilege) ? calls : refused(privilege, calls, log)
  return {
    ...{ device, folder, system: parts.system, settings, log },
    ...(privileges.includes('engine') ? { engineSocket: parts.engineSocket } : {}),
    node: allowed('exec:node', createNodeCalls(device, parts)),
    containers: allowed('containers', createContainerCalls({ name: device, folder, privileges }, parts)),
    network: allowed('network', networkCalls(device, parts)),
    secrets: allowed('secrets', secretCalls(device, parts)),
    volume: allowed('volume', volumeCalls(settings, parts)),
  }
}

function networkCalls(device: string, { pool, store }: HostParts): NetworkCalls {
  return {
    endpoint: async (name, port) => {
      const host = await store.endpoints.reserve(device, name, port)
      return { host: endpointAddress(pool, host), port }
    },
    release: (name) => store.endpoints.release(device, name),
  }
}

function secretCalls(device: string, { store }: HostParts): SecretCalls {
  return {
    get: (name) => store.deviceSecrets.get(device, name),
    set: (name, value) => store.deviceSecrets.set(device, name, value),
  }
}

function volumeCalls({ volume }: HostBasics['settings'], { openVolume }: HostParts): VolumeCalls {
  return { open: () => openVolume(String(volume ?? '')) }
}

/** The same calls, each of which says no. */
function refused<T extends object>(privilege: Privilege, calls: T, log: Log): T {
  const refuse = (call: string) => async () => {
    log.warn('driver.refused', { call, privilege })
    throw new UserError('forbidden', `The driver does not have the privilege ${privilege}, which ${call} needs.`)
  }
  return Object.fromEntries(Object.keys(calls).map((call) => [call, refuse(call)])) as T
}

function named(log: Log, device: string): Log {
  return {
    info: (event, fields) => log.info(event, { ...fields, device }),
    warn: (event, fields) => log.warn(event, { ...fields, device }),
    error: (event, error, fields) => log.error(event, error, { ...fields, device }),
  }
}
