/** The content of a database is switched while apps are attached: they are moved first, then the name leads to the new one. */
import type { App } from '../domain/app.ts'
import type { Database } from '../domain/database.ts'
import { UserError } from '../errors.ts'
import type { JobRequest, RunningJob } from '../jobs/queue.ts'
import type { ScratchRow } from '../state/store-attachments.ts'
import type { DatabaseAccess, Scratch } from './access.ts'
import type { AttachmentKeeper } from './attachments.ts'
import type { Wishes } from './logins.ts'
import type { AttachmentParts } from './parts.ts'

/** Gives an app new logins and rolls it out with them, on its turn. Throws, and nothing has changed. */
export type Relogin = (
  app: App,
  wishes: Wishes,
  asker: Pick<JobRequest, 'actor' | 'emit'> & { readonly signal: AbortSignal },
) => Promise<unknown>

export interface Switching extends DatabaseAccess {
  /** Finishes, or takes back, what a dead kernel left half done. */
  goOn(scratch: ScratchRow): Promise<void>
}

export function createSwitching(
  { store, devices }: Pick<AttachmentParts, 'store' | 'devices'>,
  { databases, attend }: Pick<AttachmentKeeper, 'databases' | 'attend'>,
  relogin: Relogin,
): Switching {
  /** Apps whose containers use other content of the database than this. */
  async function elsewhere(name: string, handle: string): Promise<App[]> {
    const logins = (await store.credentials.list()).filter((one) => one.database === name && one.state === 'live')
    const ids = new Set(logins.filter((one) => one.handle !== handle).map(({ app }) => app))
    return (await store.apps.list()).filter(({ id }) => ids.has(id))
  }

  /** One app after the other; when one does not come up with it, all of them are moved back. */
  async function move(database: Database, handle: string, job: Pick<RunningJob, 'emit' | 'signal'>): Promise<void> {
    const asker = { actor: 'kernel', emit: (line: string) => job.emit(line), signal: job.signal }
    const wish = (to: string): Wishes => ({ handles: { [database.name]: to } })
    const moved: App[] = []
    try {
      for (let left = await elsewhere(database.name, handle); left[0]; left = await elsewhere(database.name, handle)) {
        await relogin(left[0], wish(handle), asker)
        moved.push(left[0])
      }
    } catch (error) {
      const back = { ...asker, signal: new AbortController().signal }
      for (const app of moved) await relogin(app, wish(database.handle), back)
      throw error
    }
  }

  const keptName = ({ name }: Database) => {
    const day = new Date().toISOString().slice(0, 10).replaceAll('-', '')
    return databases.freeName(`${name.slice(0, 24).replace(/-$/, '')}-before-${day}`)
  }

  async function finish(database: Database, handle: string): Promise<string> {
    const kept = await keptName(database)
    await store.databases.switchTo(database, handle, kept)
    void attend()
    return kept
  }

  return {
    driver: (device) => devices.database(device),
    find: async (name) => {
      const found = await store.databases.find(name)
      return found?.state === 'ready' ? found : null
    },
    devicesOf: async (driver) =>
      (await store.devices.list()).filter((one) => one.driver === driver).map((one) => one.name),
    driverOf: async (device) => {
      const found = (await store.devices.list()).find(({ name }) => name === device)
      if (found) return found.driver
      throw new UserError('not-found', `There is no device named ${device}.`, 'See them: devices:list')
    },
    scratch: (device) => databases.scratch(device),
    keep: (name, { device, handle }, actor) => store.databases.keep({ name, device, handle, createdBy: actor }),

    async replace(database, scratch: Scratch, job) {
      if (database.lost) {
        // No app runs with it.
        await store.databases.found(database.name, scratch.handle)
        return { kept: null }
      }
      await store.databases.intend(scratch.handle, database.name)
      try {
        await move(database, scratch.handle, job)
      } catch (error) {
        await store.databases.intend(scratch.handle, null)
        throw error
      }
      return { kept: await finish(database, scratch.handle) }
    },

    async goOn({ handle, replaces }) {
      const database = await store.databases.get(replaces ?? '')
      const logins = (await store.credentials.list()).filter(({ state }) => state === 'live')
      const moved = logins.some((one) => one.database === database.name && one.handle === handle)
      if (!moved) return store.databases.intend(handle, null).then(() => void attend())
      await move(database, handle, { emit: () => {}, signal: new AbortController().signal })
      await finish(database, handle)
    },
  }
}
