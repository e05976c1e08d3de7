/** What is connected to what, for people. */
import type { App } from '../domain/app.ts'
import type { AttachmentParts } from './parts.ts'
import type { References } from './references.ts'

export interface DatabaseOverview {
  readonly name: string
  readonly device: string
  readonly driver: string
  readonly state: string
  /** By names of apps. */
  readonly attached: { readonly app: string; readonly alias: string }[]
  readonly createdAt: string
}

export function createOverview({ store }: Pick<AttachmentParts, 'store'>, references: References) {
  const appNames = async () => new Map((await store.apps.list()).map(({ id, name }) => [id, name]))

  return {
    /** Every database with what it is attached to. */
    async overview(): Promise<DatabaseOverview[]> {
      const [databases, devices, all, names] = await Promise.all([
        store.databases.list(),
        store.devices.list(),
        store.attachments.list(),
        appNames(),
      ])
      const drivers = new Map(devices.map(({ name, driver }) => [name, driver]))
      return databases.map(({ name, device, lost, createdAt, ...database }) => {
        const own = all.filter(({ database }) => database === name)
        const attached = own.map(({ app, alias }) => ({ app: names.get(app) ?? app, alias }))
        const state = lost ? 'lost' : database.state
        return { name, device, driver: drivers.get(device) ?? device, state, attached, createdAt }
      })
    },

    /** Every attachment with the variables that it sets, by names of apps. */
    async ties(): Promise<{ app: string; alias: string; database: string; sets: string[] }[]> {
      const [all, names] = await Promise.all([store.attachments.list(), appNames()])
      return Promise.all(
        all.map(async (one) => ({
          app: names.get(one.app) ?? one.app,
          alias: one.alias,
          database: one.database,
          sets: Object.keys(await references.names([one])),
        })),
      )
    },

    /** The logins that apps use now. */
    async loginsOf(database: string): Promise<UsedLogin[]> {
      const [logins, apps] = await Promise.all([store.credentials.list(), store.apps.list()])
      return logins.flatMap((login) => {
        const app = apps.find(({ id }) => id === login.app)
        if (!app || login.database !== database || login.state !== 'live' || login.reach === null) return []
        return [{ app, user: login.user, password: login.password, ...login.reach }]
      })
    },
  }
}

export interface UsedLogin {
  readonly app: App
  readonly user: string
  readonly password: string
  readonly host: string
  readonly port: number
  readonly database: string
}
