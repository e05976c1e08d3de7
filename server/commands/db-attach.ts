/** db:attach, db:detach, db:promote, db:credentials: what ties databases to apps. */
import { z } from 'zod'
import { isConfigKey } from '../domain/config-vars.ts'
import { isAlias } from '../domain/database.ts'
import { UserError } from '../errors.ts'
import { type Context, command } from './command.ts'
import { databaseName } from './db.ts'
import { app, asker, change, changeText, dryRun, subject } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { facts } from './text.ts'

const noRestart = z.boolean().default(false).meta({ description: 'save only; the next release takes it' })
const flags = { noRestart, dryRun }
const as = z
  .string()
  .transform((text) => text.toUpperCase().replaceAll('-', '_'))
  .refine(isAlias, 'An alias is made of letters, digits and _, such as CACHE.')
  .optional()
  .meta({ description: 'what its variables begin with, such as CACHE' })

/** `NAME={host}` words. */
const env = z
  .array(z.string())
  .default([])
  .transform((words, context) => {
    const pairs = words.map((word): [string, string] => {
      const [name = '', ...rest] = word.split('=')
      const template = rest.join('=')
      if (!isConfigKey(name) || rest.length === 0)
        context.addIssue({ code: 'custom', message: `“${word.slice(0, 60)}” is not like DB_HOST={host}.` })
      return [name, template]
    })
    return Object.fromEntries(pairs)
  })
  .meta({ description: "another variable, such as 'DB_HOST={host}'" })

const login = z.object({
  app: z.string(),
  user: z.string(),
  password: z.string(),
  host: z.string(),
  port: z.number(),
  database: z.string(),
})

export const dbAttach = [
  command({
    name: 'db:attach',
    summary: 'Attach a database to an app: a login of its own, and variables that lead there',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      app,
      database: databaseName.optional(),
      create: z.string().optional().meta({ description: 'driver or server to create a new one on' }),
      as,
      env,
      ...flags,
    }),
    positional: ['app', 'database'],
    short: { a: 'as', n: 'noRestart' },
    secret: ['env'],
    result: change,
    examples: [
      'db:attach blog blog-db',
      'db:attach blog --create <driver>',
      "db:attach blog blog-db --as WORDPRESS --env 'WORDPRESS_DB_HOST={host}:{port}' --env 'WORDPRESS_DB_USER={user}'",
    ],
    run: async ({ app, database, create, as = null, env, noRestart, dryRun }, context, kernel) => {
      const { attachments } = kernel
      const [found, by] = await subject(app, context, kernel)
      const problem = Object.values(env).map(attachments.templateProblem).find(Boolean)
      if (problem) throw new UserError('usage', problem)
      const on = create === undefined ? null : await attachments.databases.device(create)
      const name = database ?? (on && (await attachments.databases.freeName(`${found.name}-${on.driver}`)))
      if (!name) throw new UserError('usage', 'Which database?', `db:attach ${app} <database>, or --create <driver>`)
      if (!on) {
        await kernel.databases.ready(name)
        await within(context, name, kernel)
      }
      const wishes = { database: name, on, alias: as, env }
      return kernel.pipeline.attach(found, wishes, by, { restart: !noRestart, dryRun })
    },
    text: changeText,
  }),
  command({
    name: 'db:detach',
    summary: 'Detach a database from an app; the database stays',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, database: databaseName, as, ...flags }),
    positional: ['app', 'database'],
    short: { a: 'as', n: 'noRestart' },
    result: change,
    run: async ({ app, database, as = null, noRestart, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.detach(found, { database, alias: as }, by, { restart: !noRestart, dryRun })
    },
    text: changeText,
  }),
  command({
    name: 'db:promote',
    summary: 'Make a database the main one of an app, as DATABASE_URL',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, database: databaseName, ...flags }),
    positional: ['app', 'database'],
    result: change,
    run: async ({ app, database, noRestart, dryRun }, context, kernel) => {
      const [found, by] = await subject(app, context, kernel)
      return kernel.pipeline.promote(found, database, by, { restart: !noRestart, dryRun })
    },
    text: changeText,
  }),
  command({
    name: 'db:credentials',
    summary: 'Show the logins of apps for a database, or give them new ones',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      database: databaseName,
      app: app.optional(),
      rotate: z.boolean().default(false).meta({ description: 'new logins, rolled out before the old ones end' }),
      dryRun,
    }),
    positional: ['database', 'app'],
    result: z.object({ logins: z.array(login), rotated: z.array(z.string()) }),
    examples: ['db:credentials blog-db', 'db:credentials blog-db blog --rotate'],
    run: async ({ database, app, rotate, dryRun }, context, kernel) => {
      await kernel.store.databases.get(database)
      const logins = await kernel.attachments.loginsOf(database)
      const wanted = app === undefined ? logins : logins.filter((one) => one.app.name === app)
      if (app !== undefined && wanted.length === 0) {
        await kernel.store.apps.get(app)
        throw new UserError(
          'not-found',
          `${app} has no login for ${database}.`,
          `Attach it: db:attach ${app} ${database}`,
        )
      }
      const shown = ({ app, ...rest }: (typeof logins)[number]) => ({ app: app.name, ...rest })
      if (!rotate) return { logins: wanted.map(shown), rotated: [] }
      const rotated: string[] = []
      for (const one of wanted) {
        const done = await kernel.pipeline.relogin(one.app, { fresh: [database] }, asker(context), dryRun)
        rotated.push(...changeText(done))
      }
      return { logins: [], rotated }
    },
    text: ({ logins, rotated }) => {
      if (rotated.length > 0) return rotated
      if (logins.length === 0) return ['No app has a login there.']
      return logins.flatMap(({ app, ...rest }) => [
        `${app}:`,
        ...facts(Object.entries(rest).map(([name, value]): [string, string] => [name, String(value)])),
      ])
    },
  }),
]

/** Whoever may touch some apps only may not reach the data of another one by attaching its database to theirs. */
async function within({ actor }: Context, database: string, { store }: Kernel): Promise<void> {
  if (!actor.apps) return
  const users = (await store.attachments.list()).filter((one) => one.database === database)
  if (users.length > 0 && users.every(({ app }) => actor.apps?.includes(app))) return
  throw new UserError('forbidden', `The token ${actor.name} is not for ${database}.`, 'An admin can attach it.')
}
