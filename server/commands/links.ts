/** links:*: which apps may call which by name, inside the server. */
import { z } from 'zod'
import { appNameProblem } from '../domain/app.ts'
import { linkUrl, linkVariable } from '../domain/link.ts'
import { UserError } from '../errors.ts'
import { type Context, command } from './command.ts'
import { app, change, changeText, dryRun, ruled, subject } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { table } from './text.ts'

const target = z.string().min(1).meta({ description: 'the app that it calls' })

export const links = [
  command({
    name: 'links:list',
    summary: 'List which apps may call which, and at which name',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app: app.optional() }),
    positional: ['app'],
    aliases: [{ name: 'links' }, { name: 'links:report' }],
    result: z.array(z.object({ app: z.string(), target: z.string(), url: z.string(), variable: z.string() })),
    run: async ({ app }, { actor }, { store, config }) => {
      if (app !== undefined) await store.apps.get(app)
      const [all, apps] = await Promise.all([store.links.list(), store.apps.list()])
      const names = new Map(apps.map(({ id, name }) => [id, name]))
      const named = all.map((one) => ({
        app: names.get(one.app) ?? one.app,
        target: names.get(one.target) ?? one.target,
        url: linkUrl(one, config.httpPort),
        variable: linkVariable(one),
      }))
      // Whoever is held to some apps is told whom they call, not who else calls.
      return named.filter((one) => app === undefined || one.app === app || (!actor.apps && one.target === app))
    },
    text: (list) =>
      table(
        ['app', 'calls', 'at', 'variable'],
        list.map((one) => [one.app, one.target, one.url, one.variable]),
        'No app calls another. Let one: links:add <app> <the app that it calls>',
      ),
  }),
  command({
    name: 'links:add',
    summary: 'Let an app call another one inside the server, at http://<name>.internal',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      target,
      as: ruled('No app is called', appNameProblem)
        .optional()
        .meta({ description: 'another name than its own: books makes http://books.internal and BOOKS_URL' }),
      noRestart: z
        .boolean()
        .default(false)
        .meta({ description: 'open it only; name and variable come with the next release' }),
      dryRun,
    }),
    positional: ['app', 'target'],
    short: { a: 'as', n: 'noRestart' },
    result: change,
    examples: ['links:add shop blog', 'links:add shop blog --as articles'],
    run: async ({ app, target, as = null, noRestart, dryRun }, context, kernel) => {
      const other = await within(context, target, kernel)
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.link(found, other, as, by, { restart: !noRestart, dryRun })
    },
    text: changeText,
  }),
  command({
    name: 'links:remove',
    summary: 'Let an app call another one no more',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      target,
      noRestart: z
        .boolean()
        .default(false)
        .meta({ description: 'close it at once; name and variable go with the next release' }),
      dryRun,
    }),
    positional: ['app', 'target'],
    short: { n: 'noRestart' },
    result: change,
    run: async ({ app, target, noRestart, dryRun }, context, kernel) => {
      const other = await within(context, target, kernel)
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.unlink(found, other, by, { restart: !noRestart, dryRun })
    },
    text: changeText,
  }),
]

/** Whoever may touch some apps only may not reach others through them. */
async function within({ actor }: Context, target: string, { store }: Kernel) {
  const found = await store.apps.find(target)
  if (actor.apps && !(found && actor.apps.includes(found.id)))
    throw new UserError('forbidden', `The token ${actor.name} is not for ${target}.`, 'An admin can link it.')
  return found ?? store.apps.get(target)
}
