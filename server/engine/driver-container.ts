/** The containers that untrusted drivers run in: no network, nothing to write to, no right at all, and little of everything. */
import { randomBytes } from 'node:crypto'
import { createClient } from './client.ts'
import type { Session } from './engine.ts'
import { attach } from './session.ts'

export interface DriverContainers {
  /** Starts it with its streams attached. It is gone when it has ended. */
  start(container: DriverContainer): Promise<Session>
  /** Removes those that a dead kernel left. */
  sweep(): Promise<void>
}

export interface DriverContainer {
  /** Name of the device that it drives. */
  readonly device: string
  readonly image: string
  readonly command: readonly string[]
  /** Folder on the node, seen read-only as `/driver`. */
  readonly folder: string
}

const MiB = 1024 ** 2

export function createDriverContainers(parts: { readonly socket: string; readonly system: string }): DriverContainers {
  const client = createClient(parts.socket)
  const label = `megapolos.system=${parts.system}`
  return {
    async start(container) {
      // Never the same twice: the one before may still be on its way out. No device has an empty name, so none of their
      // containers is called like this.
      const name = `mp-${parts.system}..${container.device}.${randomBytes(4).toString('hex')}`
      const { Id } = await client.createContainer(name, options(container, parts.system))
      return attach(client, Id, false)
    },
    async sweep() {
      const left = await client.listContainers([label, 'megapolos.driver'])
      await Promise.allSettled(left.map(({ Id }) => client.container(Id).remove({ force: true })))
    },
  }
}

function options({ device, image, command, folder }: DriverContainer, system: string): object {
  return {
    Image: image,
    Entrypoint: [],
    Cmd: command,
    Env: [],
    Labels: { 'megapolos.system': system, 'megapolos.driver': device },
    Hostname: 'driver',
    WorkingDir: '/driver',
    User: '65534:65534',
    NetworkDisabled: true,
    Tty: false,
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      AutoRemove: true,
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      Binds: [`${folder}:/driver:ro`],
      Tmpfs: { '/tmp': 'size=16m,mode=1777,noexec,nosuid,nodev' },
      Memory: 256 * MiB,
      // Equal to Memory: no swap.
      MemorySwap: 256 * MiB,
      PidsLimit: 64,
      NanoCpus: 1e9,
      Ulimits: [{ Name: 'nofile', Soft: 256, Hard: 256 }],
      IpcMode: 'private',
      Init: true,
      // What it prints is read, not kept: endless output fills no disk.
      LogConfig: { Type: 'none', Config: {} },
    },
  }
}
