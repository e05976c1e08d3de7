/** The logins of apps: granted before a group starts that needs them, switched to with it, and revoked after the old one. */
import { randomBytes } from 'node:crypto'
import type { Login } from '../devices/classes/database.ts'
import type { App } from '../domain/app.ts'
import type { Credential, Database } from '../domain/database.ts'
import type { Release } from '../domain/release.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { poolSize } from '../network/subnets.ts'
import type { AttachmentParts } from './parts.ts'
import type { References } from './references.ts'

export interface Wishes {
  /** Databases that get a new login although there is one: rotation. */
  readonly fresh?: readonly string[]
  /** Database → handle that the login is to open: its content is about to be switched. */
  readonly handles?: Readonly<Record<string, string>>
}

export type Logins = ReturnType<typeof createLogins>

export function createLogins(parts: AttachmentParts, references: References) {
  const { store, devices, firewall } = parts

  async function grant(app: App, database: Database, handle: string, job: RunningJob): Promise<void> {
    job.signal.throwIfAborted()
    const login = { user: userName(app.name), password: newPassword() }
    // Noted first: whatever happens from here on, the next start knows what to end.
    await store.credentials.add({ ...login, database: database.name, handle, app: app.id })
    const driver = await devices.database(database.device)
    await store.credentials.granted(login.user, await driver.grant(handle, login))
    job.did({ do: 'grant', app: app.name, database: database.name })
  }

  return {
    /** Grants what the release needs and the app does not have; says whether that was anything. The group that starts next uses them. */
    async prepare(app: App, release: Release, job: RunningJob, wishes: Wishes = {}): Promise<boolean> {
      if (release.attachments.length === 0) return false
      const [resolved, logins] = await Promise.all([
        references.resolve(release.attachments),
        store.credentials.ofApp(app.id),
      ])
      if (logins.some(({ state }) => state === 'granting')) await store.credentials.withdraw(app.id)
      const databases = new Map(resolved.map(({ database }) => [database.name, database]))
      const needed = [...databases.values()].flatMap((database) => {
        const handle = wishes.handles?.[database.name] ?? database.handle
        const has = logins.some((one) => isLive(one, database, handle)) && !wishes.fresh?.includes(database.name)
        return has ? [] : [{ database, handle }]
      })
      if (needed.length === 0) return false
      // The firewall lets a network in, so the app must have one.
      if (app.subnet === null) await store.apps.assignSubnet(app.id, poolSize(parts.pool))
      for (const { database, handle } of needed) await grant(app, database, handle, job)
      await firewall.apply()
      return true
    },

    /** For a person who looks into the database. It ends with `end`, or with the next start. */
    async temporary(database: Database): Promise<{ readonly login: Login; end(): Promise<void> }> {
      const login = { user: userName('person'), password: newPassword() }
      await store.credentials.add({ ...login, database: database.name, handle: database.handle, app: login.user })
      const end = () => store.credentials.withdraw(login.user)
      try {
        await (await devices.database(database.device)).grant(database.handle, login)
        return { login, end }
      } catch (error) {
        await end()
        throw error
      }
    },

    /** Nothing came of what was prepared. */
    withdraw: (app: App) => store.credentials.withdraw(app.id),

    /** What was prepared is used although no group started: the app has none. */
    switched: (app: App) => store.credentials.switched(app.id),
  }
}

function isLive(login: Credential, { name }: Database, handle: string): boolean {
  return login.state === 'live' && login.database === name && login.handle === handle
}

/** For people who look at the server: whose it is, and which. */
function userName(app: string): string {
  return `${plain(app).slice(0, 38)}_${randomBytes(4).toString('hex')}`
}

/** 160 random bits, in letters and digits that need no quoting anywhere. */
function newPassword(): string {
  return `p${randomBytes(20).toString('hex')}`
}

/** What a new database is called on its server: never what somebody else's may be called. */
export function newHandle(name: string): string {
  return `${plain(name).slice(0, 39)}_${randomBytes(4).toString('hex')}`
}

function plain(name: string): string {
  return name.replaceAll('-', '_')
}
