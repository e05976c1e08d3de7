/** The folders of groups, `<home>/mounts/<app>.<group>.<process>`, and who puts something into them. */
import { mkdir, readdir, rmdir } from 'node:fs/promises'
import { join } from 'node:path'
import {
  folderName,
  type GroupProcess,
  type Groups,
  type Mount,
  parseFolderName,
  type Tenant,
} from '../domain/group.ts'
import type { Log } from '../log.ts'

export interface OpenedGroups extends Groups {
  /** Before anything is prepared. Folders that an earlier kernel made are taken over: their containers may be running. */
  open(tenants: readonly Tenant[]): Promise<void>
}

/** `folder`: `<home>/mounts`, a shared mount, which the installation makes. */
export function createGroups({ folder, log }: { readonly folder: string; readonly log: Log }): OpenedGroups {
  const there = new Map<string, GroupProcess>()
  let tenants: readonly Tenant[] = []
  const pathOf = (one: GroupProcess) => join(folder, folderName(one))

  async function enter(one: GroupProcess, found: boolean): Promise<Mount[]> {
    const mounts: Mount[] = []
    for (const tenant of tenants) mounts.push(...(await tenant.enter(one, pathOf(one), found)))
    return mounts
  }

  return {
    async open(all) {
      tenants = all
      for (const name of await readdir(folder).catch(() => [])) {
        const one = parseFolderName(name)
        if (one) there.set(name, one)
      }
      // All of them are known before the first one is entered: who has something for itself is in one of them.
      for (const [name, one] of there) {
        await enter(one, true).catch((error) => log.error('mounts.not-taken-over', error, { folder: name }))
      }
    },
    async prepare(one) {
      await mkdir(pathOf(one), { recursive: true, mode: 0o755 })
      there.set(folderName(one), one)
      const base: Mount = { source: pathOf(one), target: '/megapolos', readOnly: true, propagation: 'rslave' }
      return [base, ...(await enter(one, false))]
    },
    async release(one) {
      try {
        for (const tenant of tenants) await tenant.leave(one, pathOf(one))
        // Never together with what is in it: a volume that is still mounted there would be emptied.
        await rmdir(pathOf(one)).catch(unlessGone)
        there.delete(folderName(one))
      } catch (error) {
        log.error('mounts.not-released', error, { folder: folderName(one) })
      }
    },
    of: (app) => [...there.values()].filter((one) => app === undefined || one.app === app),
  }
}

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
