/** A driver that was pushed: its tree is looked at, and placed whole into the operator's folder, or refused. */
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { writeFolder } from '../devices/driver-folder.ts'
import { filesOf } from '../devices/driver-tar.ts'
import type { DriversControl } from '../devices/drivers.ts'
import { type Registry, readDriver } from '../devices/registry.ts'
import { driverRepository } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import { type Push, unmoved } from './receive.ts'
import { noCommit, type Repositories } from './repositories.ts'

export interface DriverPushes {
  /** Folder of the driver's repository; throws `usage` for a name that no driver can have. */
  repository(name: string): Promise<string>
  /** Throws `refused` with the reason. */
  push(driver: string, pushed: Push, tar: Readable, emit: (line: string) => void): Promise<void>
}

export interface DriverPushParts {
  readonly repositories: Pick<Repositories, 'ensure' | 'ref'>
  readonly drivers: Pick<DriversControl, 'rescan' | 'info'>
  readonly registry: Pick<Registry, 'drivers'>
  /** The operator's drivers. */
  readonly folder: string
}

export function createDriverPushes({ repositories, drivers, registry, folder }: DriverPushParts): DriverPushes {
  const underWay = new Set<string>()

  async function place(name: string, tar: Readable, check: () => Promise<void>): Promise<void> {
    const files = await filesOf(tar)
    await check()
    await writeFolder(files, join(folder, name), async (fresh) => {
      const read = await readDriver(fresh, name, 'home')
      if (read === null) throw new UserError('refused', 'There is no driver.json at the top of this tree.', readme)
      if ('problem' in read) throw new UserError('refused', `This is no driver: ${read.problem}`, readme)
    })
    await drivers.rescan()
  }

  return {
    repository(name) {
      if (/^[a-z][a-z0-9-]{0,29}$/.test(name)) return repositories.ensure(driverRepository(name))
      const message = `A driver cannot be called “${name.slice(0, 60)}”: lower-case letters, digits and hyphens, at most 30.`
      throw new UserError('usage', message)
    },
    async push(name, pushed, tar, emit) {
      const branch = branchOf(pushed, name)
      if (registry.drivers.some((driver) => driver.name === name && driver.runs === 'module')) {
        throw new UserError('refused', `${name} is part of this program, as trusted code.`, 'Give yours another name.')
      }
      if (underWay.has(name))
        throw new UserError('conflict', `Somebody else is pushing ${name} right now.`, 'Push again.')
      underWay.add(name)
      try {
        await place(name, tar, async () =>
          unmoved(pushed, await repositories.ref(driverRepository(name), pushed.ref), branch),
        )
      } finally {
        underWay.delete(name)
      }
      const { version, privileges, state, devices } = await drivers.info(name)
      emit(`-----> The driver ${name} ${version} is in place`)
      if (state === 'ready') return
      emit(`       It asks for: ${privileges.map((one) => one.name).join(', ') || 'no privilege'}`)
      if (devices.length > 0) emit(`       Until it is approved, ${devices.join(', ')} cannot be managed.`)
      emit(`       To let it: ssh megapolos drivers:approve ${name}`)
    },
  }
}

const readme = 'What belongs into it: drivers/README.md of the program.'

function branchOf(pushed: Push, name: string): string {
  const branch = /^refs\/heads\/(.+)$/.exec(pushed.ref)?.[1]
  if (!branch) throw new UserError('refused', `${pushed.ref} is not a branch.`, 'Push one: git push megapolos main')
  if (pushed.new !== noCommit) return branch
  throw new UserError(
    'refused',
    `Deleting ${branch} would leave the driver ${name} without its source.`,
    `To remove it: ssh megapolos drivers:remove ${name}`,
  )
}
