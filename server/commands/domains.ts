/** domains:* */
import { z } from 'zod'
import { appNameLimit } from '../domain/app.ts'
import { UserError } from '../errors.ts'
import type { Context } from './command.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun, hosts, subject } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { table } from './text.ts'

/** A host name has at most 253 characters, with the longest name of an app and its dot. */
const longestGlobal = 253 - appNameLimit - 1
const someHosts = hosts.min(1, 'Name at least one domain.')
/** A browser sends the panel's cookie to whatever answers there, on any port. */
const appHosts = someHosts.refine(
  (names) => !names.some((name) => name === 'localhost' || /^(127(\.\d+)*|0\.0\.0\.0)$/.test(name)),
  'localhost and 127.0.0.1 are where the panel is; no app can have them.',
)

type Choose = (had: readonly string[]) => readonly string[]

async function route(name: string, choose: Choose, dryRun: boolean, context: Context, kernel: Kernel) {
  const [found, by] = await subject(name, context, kernel)
  return kernel.pipeline.route(found, choose, by, dryRun)
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
      domains: z.array(z.object({ app: z.string(), domain: z.string(), kind: z.string() })),
    }),
    run: async ({ app: name }, _context, { store }) => {
      const apps = name === undefined ? await store.apps.list() : [await store.apps.get(name)]
      const names = new Map(apps.map((found) => [found.id, found.name]))
      const all = await store.domains.list()
      return {
        global: await store.domains.global(),
        domains: all.flatMap(({ app, host, kind }) =>
          names.has(app) ? [{ app: names.get(app) as string, domain: host, kind }] : [],
        ),
      }
    },
    text: ({ global, domains }) => [
      `Global domain: ${global}`,
      ...table(
        ['domain', 'app', 'kind'],
        domains.map((one) => [one.domain, one.app, one.kind]),
        'No domains.',
      ),
    ],
  }),
  command({
    name: 'domains:set',
    summary: 'Make these the domains of an app, instead of those it had',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: appHosts, dryRun }),
    positional: ['app', 'domains'],
    result: change,
    examples: ['domains:set blog example.com www.example.com'],
    run: ({ app, domains, dryRun }, context, kernel) => route(app, () => domains, dryRun, context, kernel),
    text: changeText,
  }),
  command({
    name: 'domains:add',
    summary: 'Add domains to an app',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: appHosts, dryRun }),
    positional: ['app', 'domains'],
    result: change,
    run: ({ app, domains, dryRun }, context, kernel) =>
      route(app, (had) => [...had, ...domains], dryRun, context, kernel),
    text: changeText,
  }),
  command({
    name: 'domains:remove',
    summary: 'Take domains away from an app',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: someHosts, dryRun }),
    positional: ['app', 'domains'],
    result: change,
    run: ({ app, domains, dryRun }, context, kernel) =>
      route(
        app,
        (had) => {
          const stranger = domains.find((host) => !had.includes(host))
          const others = `See them: domains:report ${app}`
          if (stranger)
            throw new UserError('not-found', `${stranger} is not a domain that was added to ${app}.`, others)
          return had.filter((host) => !domains.includes(host))
        },
        dryRun,
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
    run: ({ app, dryRun }, context, kernel) => route(app, () => [], dryRun, context, kernel),
    text: changeText,
  }),
  command({
    name: 'domains:set-global',
    summary: 'Let every app answer at <app>.<domain>',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ domains: someHosts.length(1, 'Name one domain.') }),
    positional: ['domains'],
    result: z.object({ global: z.string(), was: z.string() }),
    examples: ['domains:set-global apps.example.com'],
    run: async ({ domains }, _context, { store, routes }) => {
      const [host = ''] = domains
      if (host.startsWith('*.')) throw new UserError('usage', `Type it without the star: ${host.slice(2)}.`)
      if (host.length > longestGlobal)
        throw new UserError(
          'usage',
          `A global domain has at most ${longestGlobal} characters: names of apps come before it.`,
        )
      const was = await store.domains.global()
      await store.domains.setGlobal(host)
      await routes.refresh()
      return { global: host, was }
    },
    text: ({ global }) => [`Apps answer at <app>.${global} now. Point *.${global} at this server.`],
  }),
]
