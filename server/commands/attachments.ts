/** attachments: what is tied to what. */
import { z } from 'zod'
import { command } from './command.ts'
import { app } from './fields.ts'
import { table } from './text.ts'

export const attachments = [
  command({
    name: 'attachments',
    summary: 'List what is attached to an app, or to all, and the variables that it sets',
    access: 'app:read',
    kind: 'query',
    args: z.object({
      app: app.optional(),
      database: z.string().optional().meta({ description: 'of this database only' }),
    }),
    positional: ['app'],
    result: z.array(z.object({ app: z.string(), alias: z.string(), database: z.string(), sets: z.array(z.string()) })),
    run: async ({ app, database }, _context, { store, attachments }) => {
      if (app !== undefined) await store.apps.get(app)
      if (database !== undefined) await store.databases.get(database)
      const all = await attachments.ties()
      return all.filter((one) => (app ?? one.app) === one.app && (database ?? one.database) === one.database)
    },
    text: (list) =>
      table(
        ['app', 'database', 'as', 'sets'],
        list.map((one) => [one.app, one.database, one.alias, one.sets.join(', ')]),
        'Nothing is attached. Attach a database: db:attach <app> <database>',
      ),
  }),
]
