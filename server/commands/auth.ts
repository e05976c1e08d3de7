/** auth:*: a name and a password before an app */
import { z } from 'zod'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun } from './fields.ts'
import { table } from './text.ts'

const user = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9@._+-]{0,63}$/,
    'A user’s name has letters, digits and @ . _ + -, at most 64, and begins with a letter or a digit.',
  )
  .meta({ description: 'name that a browser asks for, with the password' })

export const auth = [
  command({
    name: 'auth:set',
    summary: 'Let somebody in to an app by a password, and nobody without one',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      ...{ app, user },
      passwordStdin: z
        .boolean()
        .default(false)
        .meta({ description: 'the password comes on standard input; else one is made and shown this once' }),
      dryRun,
    }),
    positional: ['app', 'user'],
    aliases: [{ name: 'http-auth:add-user' }, { name: 'http-auth:enable' }],
    input: 'the password',
    asksInput: ({ passwordStdin }) => passwordStdin,
    result: change.extend({ user: z.string(), password: z.string().nullable() }),
    examples: ['auth:set blog ann', 'auth:set blog ann --password-stdin < password.txt'],
    run: async ({ app, user, passwordStdin, dryRun }, { input }, { store, pipeline }) => {
      const wanted = passwordStdin ? readPassword(input) : null
      const { change, password } = await pipeline.setUser(await store.apps.get(app), user, wanted, dryRun)
      return { ...change, user, password }
    },
    text: ({ password, ...done }) =>
      password === null
        ? changeText(done)
        : [...changeText(done), 'Keep it now; it is not shown again:', '', `  ${password}`],
  }),
  command({
    name: 'auth:remove',
    summary: 'Take somebody’s password for an app away; without the last one nobody needs any',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, user, dryRun }),
    positional: ['app', 'user'],
    aliases: [{ name: 'http-auth:remove-user' }],
    result: change,
    run: async ({ app, user, dryRun }, _context, { store, pipeline }) =>
      pipeline.removeUser(await store.apps.get(app), user, dryRun),
    text: changeText,
  }),
  command({
    name: 'auth:list',
    summary: 'List who has a password for an app',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'auth' }, { name: 'http-auth:report' }],
    result: z.array(z.object({ user: z.string() })),
    run: async ({ app }, _context, { store }) => {
      const { users = {} } = await store.routing.of((await store.apps.get(app)).id)
      return Object.keys(users)
        .sort()
        .map((user) => ({ user }))
    },
    text: (list) =>
      table(
        ['user'],
        list.map(({ user }) => [user]),
        'Everybody gets in without a password.',
      ),
  }),
]

/** The last line end is the editor's, not the password's. */
function readPassword(input: string): string {
  const password = input.replace(/\r?\n$/, '')
  if (password === '') throw new UserError('usage', 'There was no password on standard input.')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those end a line, or cannot be typed
  if (/[\x00-\x1f\x7f]/.test(password) || Buffer.byteLength(password) > 128)
    throw new UserError('usage', 'A password is one line of at most 128 bytes.')
  return password
}
