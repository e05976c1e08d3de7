/** Gives a driver exactly what its privileges say. */
import { chmod, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Manifest } from '../domain/device.ts'
import type { Log } from '../log.ts'
import type { DriverHost, HostBasics } from './driver.ts'

export interface HostParts {
  readonly devicesFolder: string
  readonly engineSocket: string
  readonly system: string
  readonly log: Log
}

export async function createHost(
  manifest: Manifest,
  device: string,
  settings: HostBasics['settings'],
  parts: HostParts,
): Promise<DriverHost> {
  const folder = join(parts.devicesFolder, device)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  return {
    ...notYet,
    device,
    folder,
    system: parts.system,
    settings,
    ...(manifest.privileges.includes('engine') ? { engineSocket: parts.engineSocket } : {}),
    log: named(parts.log, device),
  }
}

const missing = async (): Promise<never> => {
  throw new Error('the kernel does not offer this call yet')
}

const notYet: Pick<DriverHost, 'node' | 'containers' | 'network' | 'secrets'> = {
  node: { exec: missing, packages: missing, serve: missing, stop: missing },
  containers: {
    ...{ image: missing, ensure: missing, remove: missing, restart: missing, exec: missing, state: missing },
    ...{ list: missing, logs: missing, removeVolume: missing },
  },
  network: { endpoint: missing, release: missing },
  secrets: { get: missing, set: missing },
}

function named(log: Log, device: string): Log {
  return {
    info: (event, fields) => log.info(event, { ...fields, device }),
    warn: (event, fields) => log.warn(event, { ...fields, device }),
    error: (event, error, fields) => log.error(event, error, { ...fields, device }),
  }
}
