/** db:connect, db:clone, db:export, db:import: what is in a database. */
import { z } from 'zod'
import { UserError } from '../errors.ts'
import { type Context, command, terminalCommand } from './command.ts'
import { databaseName, newDatabase, on } from './db.ts'
import { asker } from './fields.ts'

const done = z.object({ result: z.string() })

export const dbData = [
  command({
    name: 'db:clone',
    summary: 'Copy a database into a new one',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ database: databaseName, name: newDatabase, on }),
    positional: ['database', 'name'],
    result: done,
    examples: ['db:clone blog-db blog-db-test'],
    run: async ({ database, name, on }, context, { attachments, databases }) => {
      const from = await databases.ready(database)
      const device = await attachments.databases.device(on ?? from.device)
      await databases.clone(from, name, device, asker(context))
      return { result: `${name} is a copy of ${database}.` }
    },
    text: ({ result }) => [result],
  }),
  command({
    name: 'db:export',
    summary: 'Write a dump of a database to standard output',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ database: databaseName }),
    positional: ['database'],
    result: z.null(),
    examples: ['db:export blog-db > blog.dump'],
    run: async ({ database }, context, { databases }) => {
      const write = pipeTo(context, database)
      await databases.export(await databases.ready(database), write, { ...asker(context), emit: () => {} })
      return null
    },
    text: () => [],
  }),
  command({
    name: 'db:import',
    summary: 'Fill a database with a dump from standard input; what was in it is kept beside it',
    access: 'app:write',
    kind: 'mutation',
    input: 'a dump, as db:export writes it,',
    streams: true,
    args: z.object({ database: databaseName }),
    positional: ['database'],
    result: done,
    examples: ['db:import blog-db < blog.dump'],
    run: async ({ database }, context, { databases }) => {
      const example = `ssh megapolos db:import ${database} < blog.dump`
      if (!context.source) throw new UserError('usage', 'A dump only comes over SSH or on the server itself.', example)
      const into = await databases.ready(database, true)
      const { kept } = await databases.import(into, context.source, asker(context))
      const before = kept === null ? '' : ` What was in it before is ${kept} now.`
      return { result: `${database} has the content of the dump.${before}` }
    },
    text: ({ result }) => [result],
  }),
  terminalCommand({
    name: 'db:connect',
    summary: 'Open the client of its server at a database',
    access: 'app:write',
    kind: 'terminal',
    args: z.object({ database: databaseName }),
    positional: ['database'],
    examples: ['db:connect blog-db'],
    open: async ({ database }, { tty }, { databases, attachments }) =>
      attachments.connect(await databases.ready(database), tty),
  }),
]

/** Whoever runs a terminal sees nothing of use in a dump. */
function pipeTo({ write, tty }: Context, database: string): (bytes: Buffer) => Promise<void> {
  const example = `ssh megapolos db:export ${database} > blog.dump`
  if (!write) throw new UserError('usage', 'The bytes of a dump only come over SSH or on the server itself.', example)
  if (tty) throw new UserError('usage', 'A dump is not written to a terminal.', example)
  return write
}
