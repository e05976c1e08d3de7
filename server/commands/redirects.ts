/** redirects:* */
import { z } from 'zod'
import { redirectStatuses } from '../domain/route.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun, host, mayChange, subject } from './fields.ts'
import { table } from './text.ts'

const from = host.meta({ description: 'host name that requests come to' })
const status = z.coerce
  .number()
  .refine(
    (code): code is (typeof redirectStatuses)[number] => (redirectStatuses as readonly number[]).includes(code),
    `A redirect has the status ${redirectStatuses.join(', ')}.`,
  )
  .default(301)
  .meta({ description: '301 and 308 are for good, 302 and 307 for now; 307 and 308 keep what was posted' })

export const redirects = [
  command({
    name: 'redirects:add',
    summary: 'Send requests for a host to another one; path and query stay',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      from,
      to: host
        .refine((name) => !name.startsWith('*.'), 'Nobody can be sent to a wildcard; name one host.')
        .meta({ description: 'host name that they are sent to' }),
      status,
      dryRun,
    }),
    positional: ['app', 'from', 'to'],
    aliases: [{ name: 'redirect:set', positional: ['app', 'from', 'to', 'status'] }],
    result: change,
    examples: ['redirects:add blog old.example.com new.example.com --status 308'],
    run: async ({ app, from, to, status, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.redirect(found, from, { to, status }, by, dryRun, mayChange(context))
    },
    text: changeText,
  }),
  command({
    name: 'redirects:remove',
    summary: 'Stop redirecting a host; any app can have it then',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, from, dryRun }),
    positional: ['app', 'from'],
    aliases: [{ name: 'redirect:unset' }],
    result: change,
    run: async ({ app, from, dryRun }, _context, { store, pipeline }) =>
      pipeline.unredirect(await store.apps.get(app), from, dryRun),
    text: changeText,
  }),
  command({
    name: 'redirects:list',
    summary: 'List the hosts that an app redirects',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'redirects' }, { name: 'redirect' }],
    result: z.array(z.object({ from: z.string(), to: z.string(), status: z.number() })),
    run: async ({ app }, _context, { store }) => {
      const own = await store.domains.ofApp((await store.apps.get(app)).id)
      return own.flatMap(({ host, redirect }) => (redirect ? [{ from: host, ...redirect }] : []))
    },
    text: (list) =>
      table(
        ['host', 'redirects to', 'status'],
        list.map(({ from, to, status }) => [from, to, String(status)]),
        'No redirects.',
      ),
  }),
]
