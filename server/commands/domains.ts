/** domains:* */
import { z } from 'zod'
import type { Choose } from '../changes/domains.ts'
import { appNameLimit } from '../domain/app.ts'
import { addressOf, partsOf } from '../domain/claims.ts'
import { UserError } from '../errors.ts'
import type { Context } from './command.ts'
import { command } from './command.ts'
import { addresses, app, change, changeText, dryRun, host, hosts, mayChange, subject } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { table } from './text.ts'

/** A host name has at most 253 characters, with the longest name of an app and its dot. */
const longestGlobal = 253 - appNameLimit - 1
const someAddresses = addresses.min(1, 'Name at least one domain.')
/** A browser sends the panel's cookie to whatever answers there, on any port. */
const appAddresses = someAddresses.refine(
  (names) => !names.some((name) => /^(localhost|127(\.\d+)*|0\.0\.0\.0)$/.test(partsOf(name).host)),
  'localhost and 127.0.0.1 are where the panel is; no app can have them.',
)
const take = z
  .boolean()
  .default(false)
  .meta({ description: 'take those that other apps have away from them, in one step' })

interface How {
  readonly dryRun: boolean
  readonly take?: boolean
}

async function route(name: string, choose: Choose, { dryRun, take = false }: How, context: Context, kernel: Kernel) {
  const [found, by] = await subject(name, context, kernel)
  return kernel.pipeline.route(found, choose, by, dryRun, { take, may: mayChange(context) })
}

export const domains = [
  command({
    name: 'domains:report',
    summary: 'List the domains of an app, or of all apps',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app: app.optional() }),
    positional: ['app'],
    aliases: [{ name: 'domains' }, { name: 'domains:list' }],
    result: z.object({
      global: z.string(),
      domains: z.array(
        z.object({ app: z.string(), domain: z.string(), kind: z.string(), redirect: z.string().nullable() }),
      ),
    }),
    run: async ({ app: name }, _context, { store }) => {
      const apps = name === undefined ? await store.apps.list() : [await store.apps.get(name)]
      const names = new Map(apps.map((found) => [found.id, found.name]))
      const all = await store.domains.list()
      const canonical = new Map(all.flatMap(({ app, host, canonical }) => (canonical ? [[app, host]] : [])))
      return {
        global: await store.domains.global(),
        domains: all.flatMap((one) => {
          const app = names.get(one.app)
          const main = one.path === undefined && !one.canonical ? canonical.get(one.app) : undefined
          const redirect = one.redirect?.to ?? main ?? null
          return app === undefined ? [] : [{ app, domain: addressOf(one), kind: one.kind, redirect }]
        }),
      }
    },
    text: ({ global, domains }) => [
      `Global domain: ${global}`,
      ...table(
        ['domain', 'app', 'kind', 'redirects to'],
        domains.map((one) => [one.domain, one.app, one.kind, one.redirect ?? '']),
        'No domains.',
      ),
    ],
  }),
  command({
    name: 'domains:set',
    summary: 'Make these the domains of an app, instead of those it had',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: appAddresses, dryRun }),
    positional: ['app', 'domains'],
    result: change,
    examples: ['domains:set blog example.com www.example.com'],
    run: ({ app, domains, ...how }, context, kernel) => route(app, () => domains, how, context, kernel),
    text: changeText,
  }),
  command({
    name: 'domains:add',
    summary: 'Add domains, or paths below one, to an app',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: appAddresses, take, dryRun }),
    positional: ['app', 'domains'],
    result: change,
    examples: [
      'domains:add blog example.com',
      'domains:add api example.com/api',
      'domains:add blog example.com --take',
    ],
    run: ({ app, domains, ...how }, context, kernel) => route(app, (had) => [...had, ...domains], how, context, kernel),
    text: changeText,
  }),
  command({
    name: 'domains:remove',
    summary: 'Take domains away from an app',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: someAddresses, dryRun }),
    positional: ['app', 'domains'],
    result: change,
    run: ({ app, domains, ...how }, context, kernel) =>
      route(
        app,
        (had) => {
          const stranger = domains.find((host) => !had.includes(host))
          const others = `See them: domains:report ${app}`
          if (stranger)
            throw new UserError('not-found', `${stranger} is not a domain that was added to ${app}.`, others)
          return had.filter((host) => !domains.includes(host))
        },
        how,
        context,
        kernel,
      ),
    text: changeText,
  }),
  command({
    name: 'domains:clear',
    summary: 'Take all domains away from an app but its default one',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, dryRun }),
    positional: ['app'],
    result: change,
    run: ({ app, ...how }, context, kernel) => route(app, () => [], how, context, kernel),
    text: changeText,
  }),
  command({
    name: 'domains:set-canonical',
    summary: 'Redirect the other domains of an app to this one; without a name, none of them',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domain: z.literal('').or(host).optional(), dryRun }),
    positional: ['app', 'domain'],
    result: change,
    examples: ['domains:set-canonical blog www.example.com', 'domains:set-canonical blog'],
    run: async ({ app, domain, dryRun }, _context, { store, pipeline }) =>
      pipeline.setCanonical(await store.apps.get(app), domain || null, dryRun),
    text: changeText,
  }),
  command({
    name: 'domains:set-global',
    summary: 'Let every app answer at <app>.<domain>',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ domains: hosts.length(1, 'Name one domain.') }),
    positional: ['domains'],
    result: z.object({ global: z.string(), was: z.string(), late: z.string() }),
    examples: ['domains:set-global apps.example.com'],
    run: async ({ domains }, _context, { pipeline }) => {
      const [host = ''] = domains
      if (host.startsWith('*.')) throw new UserError('usage', `Type it without the star: ${host.slice(2)}.`)
      if (host.length > longestGlobal)
        throw new UserError(
          'usage',
          `A global domain has at most ${longestGlobal} characters: names of apps come before it.`,
        )
      return { global: host, ...(await pipeline.setGlobal(host)) }
    },
    text: ({ global, late }) => [`Apps answer at <app>.${global} now. Point *.${global} at this server.${late}`],
  }),
]
