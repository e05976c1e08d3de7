/** Runs drivers that are not trusted: in a container of their own for each device, held to what an admin approved. */
import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Approval, Privilege } from '../domain/device.ts'
import type { DriverContainers } from '../engine/driver-container.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { CreateDriver, DriverHost } from './driver.ts'
import { digestOf, readFolder, writeFolder } from './driver-folder.ts'
import { createGate } from './privileges.ts'
import type { FoundDriver } from './registry.ts'
import { createHostCalls } from './rpc/host-calls.ts'
import { type DriverProcess, openProcess } from './rpc/process.ts'
import { type RemoteDriver, remoteDriver } from './rpc/remote-driver.ts'

export interface ContainerDriverParts {
  /** What the registry knows of it now; throws `not-found`. */
  found(name: string): FoundDriver
  approval(name: string): Promise<Approval | null>
  /** Image with these Debian packages; made when it is not there. Returns its id. */
  image(packages: readonly string[], progress: (line: string) => void): Promise<string>
  readonly start: DriverContainers['start']
  /** Folder for copies of what runs, on a path that only root changes. */
  readonly copies: string
  /** A kernel call without its privilege. */
  refused(refusal: Refusal): void
  readonly log: Log
}

export interface Refusal {
  readonly driver: string
  readonly device: string
  readonly call: string
  readonly privilege: Privilege
}

export interface ContainerDrivers {
  load(name: string): CreateDriver<object>
  /** Starts it without any privilege, approved or not; the caller ends it. */
  open(name: string, host: DriverHost): Promise<DriverProcess>
  /** Ends all processes of the driver, or that of one device; its next call starts one of what is there then. */
  stop(name: string, why: string, device?: string): void
  close(): void
}

type Started = { readonly process: DriverProcess; readonly granted: readonly Privilege[] }

export function createContainerDrivers(parts: ContainerDriverParts): ContainerDrivers {
  /** Driver → device → what speaks to it. */
  const remotes = new Map<string, Map<string, RemoteDriver>>()

  /** What is read here is digested, copied and run: a folder that changes meanwhile changes nothing of it. */
  async function run(
    name: string,
    host: DriverHost,
    granted: (digest: string) => Promise<readonly Privilege[]>,
  ): Promise<Started> {
    const { manifest, folder } = parts.found(name)
    const { image } = manifest
    if (!image) throw new Error(`${name} does not run as a container`)
    const files = await readFolder(folder)
    const may = await granted(digestOf(files))
    const gate = createGate(host.device, may, (call, privilege) =>
      parts.refused({ driver: name, device: host.device, call, privilege }),
    )
    const copy = join(parts.copies, `${host.device}-${randomUUID()}`)
    const forget = () => rm(copy, { recursive: true, force: true })
    try {
      await writeFolder(files, copy)
      const line = await parts.start({
        device: host.device,
        image: await parts.image(image.packages, (text) => host.log.info('driver.image', { text })),
        command: image.command,
        folder: copy,
      })
      const process = await openProcess(name, line, (handles, tell) => createHostCalls(host, gate, handles, tell))
      process.ended.then(forget).catch((error) => parts.log.error('driver.copy-stays', error, { copy }))
      return { process, granted: may }
    } catch (error) {
      await forget()
      throw error
    }
  }

  return {
    load: (name) => (host) => {
      const remote = remoteDriver({
        manifest: parts.found(name).manifest,
        start: () =>
          run(name, host, async (digest) => {
            const approval = await parts.approval(name)
            if (approval?.digest !== digest) throw unapproved(name, approval)
            return parts.found(name).manifest.privileges.filter((one) => approval.privileges.includes(one))
          }),
        lost: (why) => parts.log.warn('driver.lost', { driver: name, device: host.device, why }),
      })
      const ofDriver = remotes.get(name) ?? new Map<string, RemoteDriver>()
      ofDriver.get(host.device)?.stop('the device was loaded anew')
      remotes.set(name, ofDriver.set(host.device, remote))
      return remote.calls
    },
    open: async (name, host) => (await run(name, host, async () => [])).process,
    stop(name, why, only) {
      for (const [device, remote] of remotes.get(name) ?? [])
        if (only === undefined || device === only) remote.stop(why)
    },
    close() {
      for (const name of remotes.keys()) this.stop(name, 'the kernel stops')
    },
  }
}

function unapproved(name: string, approval: Approval | null): UserError {
  return new UserError(
    'forbidden',
    approval === null
      ? `Nobody has approved the driver ${name} yet.`
      : `The driver ${name} has changed since it was approved.`,
    `See what it asks for: drivers:info ${name}. Then: drivers:approve ${name}`,
  )
}
