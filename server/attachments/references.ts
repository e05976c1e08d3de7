/** From the references of a release to what they stand for. */
import type { AttachmentReference, Credential, Database } from '../domain/database.ts'
import type { AttachTemplate } from '../domain/device.ts'
import { type LinkReference, linkEnvironment, linkHost, linkVariable } from '../domain/link.ts'
import type { Release } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import { lostContent } from '../state/lost.ts'
import { injected, injectedNames } from './inject.ts'
import type { AttachmentParts } from './parts.ts'

export interface Resolved {
  readonly reference: AttachmentReference
  readonly database: Database
  readonly template: AttachTemplate
}

/**
 * `serving`: for containers of the group that serves. `coming`: for a group that is about to, with the logins that were
 * made for it.
 */
export type Which = 'serving' | 'coming'

export interface Injection {
  readonly name: string
  readonly value: string | null
  readonly database: string
  readonly alias: string
}

export type References = ReturnType<typeof createReferences>

export function createReferences({
  store,
  devices,
  httpPort,
}: Pick<AttachmentParts, 'store' | 'devices' | 'httpPort'>) {
  /** Throws `conflict` naming a database that was destroyed, or whose content is lost. */
  async function resolve(references: readonly AttachmentReference[]): Promise<Resolved[]> {
    if (references.length === 0) return []
    const [databases, list] = await Promise.all([store.databases.list(), store.devices.list()])
    const drivers = new Map(list.map(({ name, driver }) => [name, driver]))
    return references.map((reference) => {
      const database = databases.find(({ name, state }) => name === reference.database && state !== 'destroying')
      if (!database) throw destroyed(reference)
      if (database.lost) throw lostContent('database', database.name)
      return { reference, database, template: templateOf(drivers.get(database.device) ?? '') }
    })
  }

  function templateOf(driver: string): AttachTemplate {
    const template = devices.manifests().find(({ name }) => name === driver)?.attach
    if (template) return template
    throw new UserError(
      'unavailable',
      `The driver ${driver} is not there, or attaches nothing.`,
      'See them: drivers:list',
    )
  }

  return {
    resolve,
    templateOf,

    /** The whole environment that a release's containers get: config vars, and what its attachments inject now. */
    async environment(release: Release, which: Which): Promise<Readonly<Record<string, string>>> {
      const own = { ...release.config, ...linkEnvironment(release.links, httpPort) }
      if (release.attachments.length === 0) return own
      const [resolved, logins] = await Promise.all([resolve(release.attachments), store.credentials.ofApp(release.app)])
      const all = resolved.map(({ reference, database, template }) =>
        injected(reference, template, loginFor(database, logins, which)),
      )
      return Object.assign(own, ...all)
    },

    /** Throws `conflict` when two of them would set the same variable. */
    async check(
      config: Readonly<Record<string, string>>,
      references: readonly AttachmentReference[],
      links: readonly LinkReference[],
    ): Promise<void> {
      const owners = new Map(Object.keys(config).map((name) => [name, 'the config var of that name']))
      const take = (name: string, own: string) => {
        const owner = owners.get(name)
        if (owner) throw taken(name, own, owner)
        owners.set(name, own)
      }
      for (const link of links) take(linkVariable(link), `the link to ${linkHost(link)}`)
      for (const { reference, template } of await resolve(references)) {
        for (const name of injectedNames(reference, template)) take(name, `${reference.database} as ${reference.alias}`)
      }
    },

    /** What these inject now, for whoever may see it; null: the app has no login there yet. */
    async injections(app: string, references: readonly AttachmentReference[]): Promise<Injection[]> {
      const logins = references.length === 0 ? [] : await store.credentials.ofApp(app)
      const known = await Promise.all(references.map((one) => resolve([one]).catch(() => [])))
      return known.flat().flatMap(({ reference, database, template }) => {
        const login = logins.find((one) => one.database === database.name && one.state === 'live')
        const values = login ? injected(reference, template, login) : {}
        const { alias } = reference
        return injectedNames(reference, template).map((name) => {
          return { name, value: values[name] ?? null, database: database.name, alias }
        })
      })
    },

    /** Variable → what injects it, for lists. A database that is gone injects nothing. */
    async names(references: readonly AttachmentReference[]): Promise<Record<string, AttachmentReference>> {
      const known = await Promise.all(references.map((one) => resolve([one]).catch(() => [])))
      return Object.fromEntries(
        known
          .flat()
          .flatMap(({ reference, template }) => injectedNames(reference, template).map((n) => [n, reference])),
      )
    },
  }
}

function loginFor(database: Database, logins: readonly Credential[], which: Which): Credential {
  const own = logins.filter((login) => login.database === database.name && login.reach !== null)
  const coming = which === 'coming' ? own.find(({ state }) => state === 'granting') : undefined
  const found = coming ?? own.find(({ state }) => state === 'live')
  if (found) return found
  throw new UserError('conflict', `The app has no login for the database ${database.name}.`, 'Attach it: db:attach')
}

function destroyed({ database, alias }: AttachmentReference): UserError {
  return new UserError(
    'conflict',
    `The database ${database}, attached as ${alias}, was destroyed.`,
    `To go on without it: --without ${database}`,
  )
}

function taken(name: string, own: string, owner: string): UserError {
  const hint = 'Unset the config var (config:unset), or attach under another name (--as NAME).'
  return new UserError('conflict', `${own} would set ${name}, and so does ${owner}.`, hint)
}
