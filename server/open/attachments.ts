/** Joins attachments with devices and with what opens a client beside a server. */
import { PassThrough } from 'node:stream'
import { type AttachmentKeeper, createAttachments } from '../attachments/attachments.ts'
import { createDatabaseJobs, type DatabaseJobs } from '../attachments/database-jobs.ts'
import type { AttachmentParts } from '../attachments/parts.ts'
import { createSwitching, type Relogin, type Switching } from '../attachments/switching.ts'
import type { Config } from '../config.ts'
import type { Devices } from '../devices/devices.ts'
import type { ExecOptions } from '../devices/driver.ts'
import { createNodeCalls } from '../devices/host-node.ts'
import { createDeviceContainers } from '../engine/device-containers.ts'
import type { Session } from '../engine/engine.ts'
import { UserError } from '../errors.ts'
import type { JobQueue } from '../jobs/queue.ts'

export interface AttachmentWorld extends Omit<AttachmentParts, 'devices' | 'openClient' | 'pool' | 'httpPort'> {
  readonly config: Config
  readonly key: Buffer
  readonly system: string
  readonly devices: Devices
}

export interface OpenedAttachments {
  readonly attachments: AttachmentKeeper
  /** What needs the pipeline. */
  join(jobs: JobQueue, relogin: Relogin): { readonly switching: Switching; readonly databases: DatabaseJobs }
}

export function openAttachments(world: AttachmentWorld): OpenedAttachments {
  const parts: AttachmentParts = {
    ...world,
    pool: world.config.pool,
    httpPort: world.config.httpPort,
    openClient: clientOpener(world),
  }
  const attachments = createAttachments(parts)
  return {
    attachments,
    join(jobs, relogin) {
      const switching = createSwitching(parts, attachments, relogin)
      const { store } = world
      const databases = createDatabaseJobs({ jobs, store, databases: attachments.databases, access: switching })
      return { switching, databases }
    },
  }
}

function clientOpener({ config, key, system }: AttachmentWorld): AttachmentParts['openClient'] {
  const containers = createDeviceContainers({ socket: config.docker, system, key })
  return async (device, command, tty) => {
    if (command.in === 'node') return onNode(device, command.exec, config, tty)
    const { command: words, env = {}, user } = command.exec
    const all = { ...env, ...(tty && { TERM: 'xterm-256color' }) }
    return containers.exec(device, command.container, {
      ...{ command: words, tty, env: Object.entries(all).map(([name, value]) => `${name}=${value}`) },
      ...(user !== undefined && { user }),
    })
  }
}

/** The node has no terminal to give: what is piped in is answered. */
async function onNode(device: string, options: ExecOptions, config: Config, tty: boolean): Promise<Session> {
  if (tty) {
    const hint = `Pipe into it: ssh megapolos db:connect <database> < statements`
    throw new UserError('usage', `${device} is on the node, where its client has no terminal.`, hint)
  }
  const ending = new AbortController()
  const { stdin, stdout, ended } = await createNodeCalls(device, config).exec({ ...options, signal: ending.signal })
  const stderr = new PassThrough()
  return {
    ...{ stdin, stdout, stderr },
    resize: async () => {},
    exit: ended.then(({ code, stderr: said }) => {
      stderr.end(said)
      return code
    }),
    kill: async () => ending.abort(),
  }
}
