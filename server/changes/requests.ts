/** `proxy:*`, `auth:*` and `maintenance:*`: what requests meet before they reach an app. Live, with nothing rolled out. */

import type { App } from '../domain/app.ts'
import type { Operation } from '../domain/operation.ts'
import { type Limits, largestPage, limits, overlap, type Rules } from '../domain/routing.ts'
import { UserError } from '../errors.ts'
import { hashed, newPassword } from '../route/password.ts'
import type { Asker, Change, Parts } from './change.ts'
import type { Routed, RoutePlan } from './routed.ts'

/** Null: as it is when nobody says anything. */
export type LimitChanges = { readonly [name in keyof Limits]: number | null }

export function createRequestChanges({ store, pool, journal }: Parts, routed: Routed) {
  /** What changes nothing is no operation, but may be asked for. */
  const rule = (app: App, what: string | null, write: () => Promise<unknown>, result: string): RoutePlan => ({
    operations: what === null ? [] : [{ do: 'rule', app: app.name, what }],
    apps: [app.id],
    write: async () => void (await write()),
    result,
  })

  return {
    limitRequests(app: App, wanted: LimitChanges, dryRun: boolean): Promise<Change> {
      return routed.change(app, dryRun, async () => {
        const now = await store.routing.of(app.id)
        const operations = limitOperations(app, now, wanted)
        return {
          operations,
          apps: [app.id],
          write: () => store.routing.setLimits(app.id, wanted),
          result: `${app.name}: ${said({ ...now, ...wanted })}.`,
        }
      })
    },

    /** With a page of its own or with the proxy's (null). */
    async beginMaintenance(app: App, page: string | null, asker: Asker, dryRun: boolean): Promise<Change> {
      if (page !== null) checkPage(page)
      const what = `answer 503 for ${app.name} to everybody, with ${page === null ? 'the proxy’s page' : 'its own page'}`
      const result = `${app.name} is in maintenance: everybody gets 503${page === null ? '' : ' and its own page'}.`
      const change = await routed.change(app, dryRun, async () =>
        rule(app, what, () => store.routing.setMaintenance(app.id, { page }), result),
      )
      if (!dryRun) journal.record({ kind: 'app', app, text: `${app.name} is in maintenance, by ${asker.actor}.` })
      return change
    },

    async endMaintenance(app: App, asker: Asker, dryRun: boolean): Promise<Change> {
      const was = (await store.routing.of(app.id)).maintenance !== undefined
      const what = was ? `let requests through to ${app.name}` : null
      const change = await routed.change(app, dryRun, async () =>
        rule(app, what, () => store.routing.setMaintenance(app.id, null), `${app.name} is not in maintenance.`),
      )
      if (was && !dryRun)
        journal.record({ kind: 'app', app, text: `${app.name} is not in maintenance any more, by ${asker.actor}.` })
      return change
    },

    /** Null: a password is made, and told this once. */
    async setUser(app: App, name: string, wanted: string | null, dryRun: boolean) {
      const password = wanted ?? newPassword()
      const hash = dryRun ? '' : await hashed(password)
      const change = await routed.change(app, dryRun, async () => {
        const { users = {} } = await store.routing.of(app.id)
        const known = Object.hasOwn(users, name)
        const what = known
          ? `change the password of ${name} at ${app.name}`
          : `let ${name} in to ${app.name}, and nobody without a password`
        const result = `${app.name} asks for a password; ${name} has ${known ? 'a new one' : 'one'}.`
        return rule(app, what, () => store.routing.setUser(app.id, name, hash), result)
      })
      return { change, password: wanted === null && !dryRun ? password : null }
    },

    removeUser(app: App, name: string, dryRun: boolean): Promise<Change> {
      return routed.change(app, dryRun, async () => {
        const { users = {} } = await store.routing.of(app.id)
        if (!Object.hasOwn(users, name))
          throw new UserError('not-found', `${app.name} knows no user ${name}.`, `See them: auth:list ${app.name}`)
        const last = Object.keys(users).length === 1
        const what = last
          ? `let everybody in to ${app.name}, without a password`
          : `let ${name} in to ${app.name} no more`
        const result = last
          ? `${app.name} asks for no password any more.`
          : `${name} does not get in to ${app.name} any more.`
        return rule(app, what, () => store.routing.removeUser(app.id, name), result)
      })
    },

    /** Instead of those that were trusted; returns the sentence about a proxy that is away. */
    async trust(networks: readonly string[]): Promise<string> {
      // Apps come from their own addresses, also when they ask another one by its public name.
      const wide = networks.find((one) => overlap(one, pool))
      if (wide !== undefined)
        throw new UserError(
          'usage',
          `${wide} has addresses of apps in it (${pool}), which could then say that they are anybody.`,
          'Name the proxy itself, or a smaller network.',
        )
      return routed.inTurn(async () => {
        const before = await store.routing.trusted()
        await store.routing.trust(networks)
        return routed.acceptedOr(() => store.routing.trust(before))
      })
    },
  }
}

function limitOperations(app: App, now: Rules, wanted: LimitChanges): Operation[] {
  return Object.entries(limits).flatMap(([name, { key, print, usual }]): Operation[] => {
    const [value, had] = [wanted[key], now[key] ?? null]
    if (value === undefined || value === had) return []
    return [
      { do: 'rule', app: app.name, what: `set ${name} of ${app.name} to ${value === null ? usual : print(value)}` },
    ]
  })
}

function said(rules: { readonly [name in keyof Limits]?: number | null | undefined }): string {
  return Object.entries(limits)
    .map(([name, { key, print, usual }]) => `${name} ${rules[key] == null ? usual : print(rules[key])}`)
    .join(', ')
}

function checkPage(page: string): void {
  const size = Buffer.byteLength(page)
  if (size === 0)
    throw new UserError('usage', 'There was no page on standard input.', 'maintenance:on APP --page < page.html')
  if (size > largestPage)
    throw new UserError(
      'usage',
      `The page has ${size} bytes; at most ${largestPage} are kept.`,
      'Put pictures elsewhere.',
    )
}
