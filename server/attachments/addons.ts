/** What app.json wishes for at a first push: databases, created and attached. */
import type { App } from '../domain/app.ts'
import type { AttachmentReference } from '../domain/database.ts'
import { messageOf } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Databases } from './databases.ts'
import { injectedNames } from './inject.ts'
import type { AttachmentParts } from './parts.ts'
import type { References } from './references.ts'

export interface Addons {
  readonly references: readonly AttachmentReference[]
  /** They are attached for good. */
  save(): Promise<void>
  /** The push came to nothing, and so do they. */
  undo(): Promise<void>
}

export interface AddonWish {
  readonly name: string
  readonly as: string | null
}

export interface AppNow {
  readonly config: Readonly<Record<string, string>>
  readonly saved: readonly AttachmentReference[]
  readonly actor: string
}

/** A wish that cannot be fulfilled is said, and refuses no push: most apps start without what they do not find. */
export function createAddons({ store, devices }: AttachmentParts, databases: Databases, references: References) {
  return async (app: App, wishes: readonly AddonWish[], now: AppNow, job: RunningJob): Promise<Addons> => {
    const made: AttachmentReference[] = []
    const undo = async () => {
      for (const { database } of made) await databases.undo(database)
    }
    const warn = (text: string) => job.emit(`       Warning: app.json wishes for the addon ${text}`)

    async function provide(wish: AddonWish): Promise<void> {
      const manifest = devices.manifests().find(({ name, aliases }) => [name, ...aliases].includes(wish.name))
      if (manifest?.class !== 'database') return warn(`${wish.name}, which no driver here provides.`)
      const device = await databases.device(manifest.name).catch(messageOf)
      if (typeof device === 'string')
        return warn(`${wish.name}: ${device} Then: db:attach ${app.name} --create ${manifest.name}`)
      const template = references.templateOf(manifest.name)
      const alias = wish.as ?? template.as
      const had = [...now.saved, ...made]
      const sets = injectedNames({ database: '', alias, env: {} }, template)
      if (had.some((one) => one.alias === alias) || sets.some((name) => Object.hasOwn(now.config, name)))
        return job.emit(`       ${sets.join(', ')} is there already; the addon ${wish.name} is not created`)
      const database = await databases.freeName(`${app.name}-${manifest.name}`)
      job.emit(`-----> Creating ${database} on ${device.name}`)
      made.push({ database, alias, env: {} })
      await databases.create(database, device, now.actor)
      job.did({ do: 'create', what: `the database ${database}` })
    }

    try {
      for (const wish of wishes) await provide(wish)
    } catch (error) {
      await undo()
      throw error
    }
    return {
      references: made,
      undo,
      save: async () => {
        if (made.length > 0) await store.attachments.replace(app.id, [...now.saved, ...made])
      },
    }
  }
}
