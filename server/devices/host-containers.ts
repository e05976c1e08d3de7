/** Containers of one device: its own names, its own volumes, its own endpoints. */
import { chown, mkdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import type { Privilege } from '../domain/device.ts'
import type { DeviceContainers, DeviceNetwork } from '../engine/device-containers.ts'
import type { Session } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import { endpointAddress } from '../network/subnets.ts'
import type { Store } from '../state/store.ts'
import type { ContainerCalls, DeviceContainer, ImageSource, Process } from './driver.ts'
import { processOf } from './process.ts'

export interface ContainerParts {
  readonly system: string
  /** Block that addresses are cut from. */
  readonly pool: string
  readonly network: DeviceNetwork
  readonly containers: DeviceContainers
  readonly image: (source: ImageSource, progress: (line: string) => void) => Promise<string>
  readonly store: Pick<Store, 'endpoints'>
}

export function createContainerCalls(
  device: { readonly name: string; readonly folder: string; readonly privileges: readonly Privilege[] },
  parts: ContainerParts,
): ContainerCalls {
  const { containers } = parts
  const volumeFolder = (name: string) => join(device.folder, 'volumes', plain(name))

  return {
    image: parts.image,
    async ensure(container) {
      needs(device.privileges, 'volume', Object.keys(container.volumes).length > 0)
      needs(device.privileges, 'network', Object.keys(container.ports).length > 0)
      const mounts = Object.entries(container.volumes).map(([target, volume]) => ({
        source: volumeFolder(volume),
        target,
      }))
      const ports = await portsOf(device.name, container.ports, parts)
      await parts.containers.ensureNetwork(parts.network)
      for (const { source } of mounts) await mkdir(source, { recursive: true, mode: 0o700 })
      await containers.ensure(
        {
          ...{ system: parts.system, device: device.name, name: plain(container.name), image: container.image },
          ...{ command: container.command, env: container.env, user: container.user ?? null },
          ...{ memory: container.memory, mounts, files: container.files ?? {}, ports },
          ...{ stopTimeout: container.stopTimeout, capabilities: container.capabilities ?? null },
          network: parts.network.name,
        },
        async ({ uid, gid }) => {
          for (const { source } of mounts) if ((await stat(source)).uid === 0) await chown(source, uid, gid)
        },
      )
    },
    remove: (name, seconds = 10) => containers.remove(device.name, plain(name), seconds),
    restart: (name) => containers.restart(device.name, plain(name)),
    async exec(name, { command, env = {}, user, signal }) {
      const session = await containers.exec(device.name, plain(name), {
        ...{ command, tty: false, env: Object.entries(env).map(([key, value]) => `${key}=${value}`) },
        ...(user !== undefined && { user }),
      })
      return sessionProcess(session, signal)
    },
    state: (name) => containers.state(device.name, plain(name)),
    list: async () => (await containers.list(device.name)).map(({ name }) => name),
    logs: (name, lines) => containers.logs(device.name, plain(name), lines),
    async removeVolume(name) {
      const folder = volumeFolder(name)
      const user = (await containers.list(device.name)).find(({ sources }) => sources.includes(folder))
      if (user) throw new UserError('conflict', `The volume ${name} of ${device.name} is used by ${user.name}.`)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** They become parts of paths and of names: one plain component. */
function plain(name: string): string {
  if (/^[a-z0-9][a-z0-9_-]{0,59}$/.test(name)) return name
  throw new UserError('usage', `"${name}" is no name for a container or a volume of a device.`)
}

function needs(privileges: readonly Privilege[], privilege: Privilege, isWanted: boolean): void {
  if (!isWanted || privileges.includes(privilege)) return
  throw new UserError('forbidden', `The driver does not have the privilege ${privilege}.`)
}

async function portsOf(device: string, ports: DeviceContainer['ports'], { pool, store }: ContainerParts) {
  const rows = (await store.endpoints.list()).filter((row) => row.device === device)
  return Object.entries(ports).map(([inside, name]) => {
    const row = rows.find((one) => one.name === name)
    if (!row) throw new UserError('not-found', `The device ${device} has no endpoint ${name}.`)
    return { inside: Number(inside), host: endpointAddress(pool, row.host), port: row.port }
  })
}

function sessionProcess({ stdin, stdout, stderr, exit, kill }: Session, signal?: AbortSignal): Process {
  const streams = { stdin: stdin as Writable, stdout: stdout as Readable, stderr: stderr as Readable }
  return processOf({ ...streams, exit, kill: () => void kill() }, signal)
}
