/** maintenance:* */
import { z } from 'zod'
import { command } from './command.ts'
import { app, change, changeText, dryRun, subject } from './fields.ts'
import { table } from './text.ts'

export const maintenance = [
  command({
    name: 'maintenance:on',
    summary: 'Answer 503 for an app to everybody, at once, with a page that says why',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      page: z
        .boolean()
        .default(false)
        .meta({ description: 'a page of HTML comes on standard input, at most 64 KiB; else the proxy has one' }),
      dryRun,
    }),
    positional: ['app'],
    aliases: [{ name: 'maintenance:enable' }],
    input: 'a page of HTML',
    asksInput: ({ page }) => page,
    result: change,
    examples: ['maintenance:on blog', 'maintenance:on blog --page < page.html'],
    run: async ({ app, page, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.beginMaintenance(found, page ? context.input : null, by, dryRun)
    },
    text: changeText,
  }),
  command({
    name: 'maintenance:off',
    summary: 'Let requests through to an app again',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, dryRun }),
    positional: ['app'],
    aliases: [{ name: 'maintenance:disable' }],
    result: change,
    run: async ({ app, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.endMaintenance(found, by, dryRun)
    },
    text: changeText,
  }),
  command({
    name: 'maintenance:report',
    summary: 'Show which apps are in maintenance',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app: app.optional() }),
    positional: ['app'],
    aliases: [{ name: 'maintenance' }],
    result: z.array(z.object({ app: z.string(), maintenance: z.boolean(), ownPage: z.boolean() })),
    run: async ({ app: name }, _context, { store }) => {
      const apps = name === undefined ? await store.apps.list() : [await store.apps.get(name)]
      const rules = await store.routing.list()
      return apps.map(({ id, name }) => {
        const shown = rules.get(id)?.maintenance
        return { app: name, maintenance: shown !== undefined, ownPage: shown !== undefined && shown !== 'standard' }
      })
    },
    text: (list) =>
      table(
        ['app', 'maintenance', 'page'],
        list.map((one) => [one.app, one.maintenance ? 'on' : 'off', one.ownPage ? 'its own' : 'the proxy’s']),
        'There are no apps yet.',
      ),
  }),
]
