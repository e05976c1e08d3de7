/** The drivers as people deal with them: which there are, who may do what, and what comes and goes while the kernel runs. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Approval, Manifest, Privilege } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { ContainerDrivers } from './container-drivers.ts'
import { hotPlug } from './hot-plug.ts'
import { privilegeMeanings } from './privileges.ts'
import { probe } from './probe.ts'
import type { BrokenDriver, FoundDriver, Registry } from './registry.ts'
import type { Proof } from './suite.ts'

export interface DriverState extends Pick<Manifest, 'name' | 'version' | 'class' | 'runs' | 'description'> {
  readonly from: FoundDriver['from']
  /** `ready`, `waits for approval`, or what is wrong with it, a sentence. */
  readonly state: string
  /** Names of the devices that it manages. */
  readonly devices: string[]
}

export interface DriverDetails extends DriverState {
  readonly digest: string | null
  readonly privileges: { readonly name: Privilege; readonly meaning: string; readonly granted: boolean }[]
  readonly approvedBy: string | null
  readonly approvedAt: string | null
}

export interface DriverList {
  readonly drivers: DriverState[]
  readonly broken: BrokenDriver[]
}

export interface DriversControl {
  list(): Promise<DriverList>
  info(name: string): Promise<DriverDetails>
  /** Grants what it asks for to exactly this content. Throws `conflict` when its digest does not begin with `expected`. */
  approve(name: string, actor: string, expected?: string): Promise<DriverDetails>
  /** Takes an operator's driver away. Throws `conflict` naming the devices that use it. */
  remove(name: string): Promise<void>
  /** Starts it without any privilege, and tells whether it speaks its contract; true when it does. Throws `not-found`. */
  probe(name: string, tell: (proof: Proof) => void): Promise<boolean>
  /** Looks at the folder now. */
  rescan(): Promise<void>
  /** Keeps looking until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void>
}

export interface DriversParts {
  readonly registry: Registry
  readonly containers: ContainerDrivers
  readonly store: Pick<Store, 'devices' | 'approvals'>
  /** The operator's drivers. */
  readonly folder: string
  /** Something happened that a person may want to know. */
  tell(text: string): void
  readonly log: Log
}

export function createDrivers(parts: DriversParts): DriversControl {
  const { registry, containers, store, folder, tell, log } = parts
  const usersOf = async (driver: string) =>
    (await store.devices.list()).filter((device) => device.driver === driver).map(({ name }) => name)

  async function stateOf({ manifest, from, digest }: FoundDriver, approval: Approval | null): Promise<DriverState> {
    const { name, version, class: of, runs, description } = manifest
    const isApproved = digest === null || approval?.digest === digest
    const state = isApproved ? 'ready' : 'waits for approval'
    return { name, version, class: of, runs, description, from, state, devices: await usersOf(name) }
  }

  async function details(name: string): Promise<DriverDetails> {
    const found = registry.found(name)
    const approval = await store.approvals.get(name)
    const state = await stateOf(found, approval)
    const isCurrent = approval?.digest === found.digest
    return {
      ...state,
      digest: found.digest,
      privileges: found.manifest.privileges.map((one) => ({
        name: one,
        meaning: privilegeMeanings[one],
        granted: found.digest === null || (isCurrent && approval?.privileges.includes(one) === true),
      })),
      approvedBy: (isCurrent && approval?.approvedBy) || null,
      approvedAt: (isCurrent && approval?.approvedAt) || null,
    }
  }

  /** Vanished or changed under a device: nobody else would notice before the next call. */
  async function changed(name: string): Promise<void> {
    const isThere = registry.drivers.some((driver) => driver.name === name)
    containers.stop(name, isThere ? 'its folder has changed' : 'its folder is gone')
    const devices = await usersOf(name)
    const problem = registry.broken.find((driver) => driver.folder === name)?.problem
    log.info('driver.changed', { driver: name, isThere, problem })
    if (isThere) {
      const { state } = await details(name)
      return tell(`The driver ${name} was put in place; ${state === 'ready' ? 'it is ready' : `it ${state}`}.`)
    }
    const users = devices.length > 0 ? ` ${devices.join(', ')} cannot be managed without it.` : ''
    tell(problem ? `The driver ${name} cannot be used: ${problem}${users}` : `The driver ${name} is gone.${users}`)
  }

  async function rescan(): Promise<void> {
    for (const name of await registry.rescan()) await changed(name)
  }

  return {
    async list() {
      const found = registry.drivers.map(({ name }) => registry.found(name))
      const drivers = await Promise.all(
        found.map(async (driver) => stateOf(driver, await store.approvals.get(driver.manifest.name))),
      )
      return { drivers, broken: [...registry.broken] }
    },
    info: details,
    async approve(name, actor, expected = '') {
      await rescan()
      const { manifest, digest } = registry.found(name)
      if (digest === null) {
        throw new UserError('usage', `${name} is part of this program, and needs no approval.`)
      }
      if (!digest.startsWith(expected)) {
        const message = `The driver ${name} is not what you looked at any more: its content is ${digest.slice(0, 12)} now.`
        throw new UserError('conflict', message, `Look again: drivers:info ${name}`)
      }
      await store.approvals.set({ driver: name, digest, privileges: manifest.privileges, approvedBy: actor })
      containers.stop(name, 'it was approved anew')
      return details(name)
    },
    async remove(name) {
      await rescan()
      const isBroken = registry.broken.some((driver) => driver.folder === name)
      if (!isBroken && registry.found(name).from === 'program') {
        throw new UserError('usage', `${name} came with this program; only drivers that were added can be removed.`)
      }
      const devices = await usersOf(name)
      if (devices.length > 0) {
        const hint = `Remove them first: ${devices.map((device) => `devices:remove ${device}`).join(', ')}`
        throw new UserError('conflict', `The driver ${name} is used by ${devices.join(', ')}.`, hint)
      }
      await rm(join(folder, name), { recursive: true, force: true })
      await store.approvals.remove(name)
      await rescan()
    },
    probe: (name, tell) => probe(name, { registry, containers }, tell),
    rescan,
    watch: (signal) => hotPlug(folder, rescan, signal, log),
  }
}
