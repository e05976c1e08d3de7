/** Ties databases to apps: the parts of it, put together. Who rolls out when is the pipeline's. */
import { isIPv4 } from 'node:net'
import type { App } from '../domain/app.ts'
import type { AttachmentReference } from '../domain/database.ts'
import { UserError } from '../errors.ts'
import type { Grant } from '../network/firewall.ts'
import { addressIn } from '../network/subnets.ts'
import { createAddons } from './addons.ts'
import { createClientDoor } from './client.ts'
import { createDatabases } from './databases.ts'
import { templateProblem } from './inject.ts'
import { createLeftOvers } from './left-overs.ts'
import { createLinks } from './links.ts'
import { createLogins } from './logins.ts'
import { createOverview } from './overview.ts'
import type { AttachmentParts } from './parts.ts'
import { createReferences } from './references.ts'

export type AttachmentKeeper = ReturnType<typeof createAttachments>

export interface AttachWishes {
  readonly database: string
  /** Null: that of the driver, or one made of the database's name when that is taken. */
  readonly alias: string | null
  readonly env: Readonly<Record<string, string>>
}

export function createAttachments(parts: AttachmentParts) {
  const { store } = parts
  const references = createReferences(parts)
  const leftOvers = createLeftOvers(parts)
  const logins = createLogins(parts, references)
  const databases = createDatabases(parts, leftOvers)
  const links = createLinks(parts)

  return {
    ...references,
    ...leftOvers,
    ...createOverview(parts, references),
    ...createClientDoor(parts, logins, leftOvers),
    templateProblem,
    logins,
    databases,
    links,
    /** What app.json wishes for. */
    provide: createAddons(parts, databases, references),

    /** The reference that these wishes make, beside those that the app has. */
    async choose(app: App, had: readonly AttachmentReference[], wishes: AttachWishes): Promise<AttachmentReference> {
      const { database, env } = wishes
      const same = had.find((one) => one.database === database && (wishes.alias ?? one.alias) === one.alias)
      if (same) throw already(app, same)
      const [found] = await references.resolve([{ database, alias: '', env }])
      const taken = new Set(had.map((one) => one.alias))
      const alias = wishes.alias ?? freeAlias([found?.template.as ?? ownAlias(database), ownAlias(database)], taken)
      const other = had.find((one) => one.alias === alias)
      if (other) throw already(app, other)
      return { database, alias, env }
    },

    /** The reference of the app that a person means; throws when it is none, or several and they did not say which. */
    pick(app: App, had: readonly AttachmentReference[], database: string, alias: string | null): AttachmentReference {
      const found = had.filter((one) => one.database === database && (alias ?? one.alias) === one.alias)
      const [only, ...others] = found
      if (only && others.length === 0) return only
      if (only) {
        const aliases = found.map((one) => one.alias).join(', ')
        throw new UserError('usage', `${database} is attached to ${app.name} as ${aliases}.`, 'Say which: --as NAME')
      }
      const what = had.map((one) => `${one.database} (${one.alias})`).join(', ')
      const hint = what ? `Attached are: ${what}` : `Nothing is attached to ${app.name}.`
      throw new UserError(
        'not-found',
        `${database} is not attached to ${app.name}${alias ? ` as ${alias}` : ''}.`,
        hint,
      )
    },

    /** What apps may reach, for the firewall: exactly the servers that they have a login on, and the way to other apps. */
    async grants(): Promise<Grant[]> {
      const [logins, apps] = await Promise.all([store.credentials.list(), store.apps.list()])
      const networks = new Map(apps.flatMap(({ id, subnet }) => (subnet === null ? [] : [[id, subnet] as const])))
      const all = logins.flatMap(({ app, reach }) => {
        const index = networks.get(app)
        if (index === undefined || reach === null || !isIPv4(reach.host)) return []
        return [{ subnet: `${addressIn(parts.pool, index, 0)}/24`, host: reach.host, port: reach.port }]
      })
      const servers = [...new Map(all.map((grant) => [Object.values(grant).join(), grant])).values()]
      return [...servers, ...(await links.grants())]
    },
  }
}

/** `blog-cache` → `BLOG_CACHE`. */
export function ownAlias(database: string): string {
  return database.replaceAll('-', '_').toUpperCase()
}

/** One of these, or the last of them with a number. */
function freeAlias(wished: readonly string[], taken: ReadonlySet<string>): string {
  const found = wished.find((alias) => !taken.has(alias))
  for (let n = 2; ; n++) {
    const alias = found ?? `${wished.at(-1)}_${n}`
    if (!taken.has(alias)) return alias
  }
}

function already(app: App, { database, alias }: AttachmentReference): UserError {
  return new UserError(
    'conflict',
    `${database} is already attached to ${app.name} as ${alias}.`,
    'Another name: --as NAME',
  )
}
