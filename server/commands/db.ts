/** db:create, db:list, db:info, db:destroy, db:logs, db:restart: databases on the servers of this machine. */
import { z } from 'zod'
import { databaseNameProblem } from '../domain/database.ts'
import { command } from './command.ts'
import { asker, confirmed, dryRun } from './fields.ts'
import { isScheduled, scheduleEnds } from './schedule-of.ts'
import { ago, facts, table } from './text.ts'

export const databaseName = z
  .string()
  .min(1, 'The name of a database may not be empty.')
  .meta({ description: 'name of the database' })

export const newDatabase = z
  .string()
  .superRefine((name, context) => {
    const problem = databaseNameProblem(name)
    const message = `A database cannot be called “${name.slice(0, 60)}”: it ${problem}.`
    if (problem) context.addIssue({ code: 'custom', message })
  })
  .meta({ description: 'name of the new database' })

export const on = z
  .string()
  .optional()
  .meta({ description: 'database server, or its driver; not needed where there is one' })

const done = z.object({ result: z.string() })
const attachment = z.object({ app: z.string(), alias: z.string() })
const summary = z.object({
  name: z.string(),
  device: z.string(),
  driver: z.string(),
  state: z.string(),
  attached: z.array(attachment),
  createdAt: z.string(),
})

export const db = [
  command({
    name: 'db:create',
    summary: 'Create a database',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ name: newDatabase, on }),
    positional: ['name'],
    result: done,
    examples: ['db:create blog-db', 'db:create blog-db --on big'],
    run: async ({ name, on = null }, context, { attachments, databases }) => {
      const device = await attachments.databases.device(on)
      await databases.create(name, device, asker(context))
      return { result: `Created ${name} on ${device.name}.`, name }
    },
    text: ({ result }) => [result, 'Attach it to an app: db:attach <app> <database>'],
  }),
  command({
    name: 'db:list',
    summary: 'List the databases, and what they are attached to',
    access: 'app:read',
    kind: 'query',
    args: z.object({ on }),
    positional: [],
    aliases: [{ name: 'db' }],
    result: z.array(summary),
    run: async ({ on }, _context, { attachments }) => {
      const all = await attachments.overview()
      return on === undefined ? all : all.filter(({ device, driver }) => device === on || driver === on)
    },
    text: (list) =>
      table(
        ['database', 'on', 'state', 'attached to', 'created'],
        list.map((one) => [one.name, one.device, one.state, attachedText(one.attached), ago(one.createdAt)]),
        'There are no databases yet. Create one: db:create <name>',
      ),
  }),
  command({
    name: 'db:info',
    summary: 'Show a database: where it is, and what it is attached to',
    access: 'app:read',
    kind: 'query',
    args: z.object({ database: databaseName }),
    positional: ['database'],
    result: summary.extend({ handle: z.string(), createdBy: z.string() }),
    run: async ({ database }, _context, { attachments, store }) => {
      const { handle, createdBy } = await store.databases.get(database)
      const found = (await attachments.overview()).find(({ name }) => name === database)
      return { ...(found as NonNullable<typeof found>), handle, createdBy }
    },
    text: (one) => [
      `${one.name}: ${one.state}`,
      ...facts([
        ['on', one.device === one.driver ? one.device : `${one.device} (${one.driver})`],
        ['called', `${one.handle} by the server`],
        ['attached to', attachedText(one.attached)],
        ['created', `${ago(one.createdAt)} by ${one.createdBy}`],
      ]),
    ],
  }),
  command({
    name: 'db:destroy',
    summary: 'Destroy a database with its content',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      name: databaseName,
      confirm: z.string().optional().meta({ description: 'the name again' }),
      dryRun,
    }),
    positional: ['name'],
    result: done,
    examples: ['db:destroy blog-db --confirm blog-db'],
    run: async ({ name, confirm, dryRun }, context, kernel) => {
      const { attachments, databases } = kernel
      await attachments.databases.destroyable(name)
      const scheduled = await isScheduled(kernel, 'database', name)
      const end = scheduled ? '\n  end its schedule of backups' : ''
      if (dryRun) return { result: `Would do:\n  destroy the database ${name}${end}` }
      confirmed(name, confirm, `db:destroy ${name}`)
      await databases.destroy(name, asker(context))
      return { result: scheduled ? `${name} is gone.\n${scheduleEnds(name)}` : `${name} is gone.` }
    },
    text: ({ result }) => result.split('\n'),
  }),
  command({
    name: 'db:logs',
    summary: 'Show the last lines of the log of the server that a database is on',
    access: 'app:read',
    kind: 'query',
    args: z.object({
      database: databaseName,
      num: z.coerce.number().int().min(1).max(10_000).default(100).meta({ description: 'lines, 100 without it' }),
    }),
    positional: ['database'],
    short: { n: 'num' },
    result: z.array(z.string()),
    run: async ({ database, num }, _context, { store, attachments }) =>
      (await attachments.databases.driverOf(await store.databases.get(database))).logs(num),
    text: (lines) => lines,
  }),
  command({
    name: 'db:restart',
    summary: 'Restart the server that a database is on, with all databases there',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ database: databaseName }),
    positional: ['database'],
    result: done,
    run: async ({ database }, context, { store, attachments }) => {
      const found = await store.databases.get(database)
      context.emit(`-----> Restarting ${found.device}`)
      await (await attachments.databases.driverOf(found)).restart()
      return { result: `${found.device} has restarted.` }
    },
    text: ({ result }) => [result],
  }),
]

export function attachedText(attached: readonly z.output<typeof attachment>[]): string {
  return attached.map(({ app, alias }) => `${app} (${alias})`).join(', ') || '-'
}
