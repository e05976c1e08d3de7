/** keys:* */
import { z } from 'zod'
import { consoleName, roles } from '../domain/access.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { parsePublicKey } from './public-key.ts'
import { ago, table } from './text.ts'

const name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i,
    'A key’s name has letters, digits, dots, hyphens and underscores, at most 63.',
  )
  .refine((text) => text !== consoleName, `“${consoleName}” is who types on the server itself; call the key otherwise.`)
  .meta({ description: 'name of the key, such as laptop' })

const key = z.object({ name: z.string(), fingerprint: z.string(), role: z.string(), createdAt: z.string() })

export const keys = [
  command({
    name: 'keys:list',
    summary: 'List the SSH keys that may come in',
    access: 'admin',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'keys' }, { name: 'ssh-keys:list' }],
    result: z.array(key),
    run: async (_args, _context, { store }) => (await store.keys.list()).map(({ publicKey: _, ...one }) => one),
    text: (list) =>
      table(
        ['key', 'role', 'fingerprint', 'added'],
        list.map((one) => [one.name, one.role, one.fingerprint, ago(one.createdAt)]),
        'No keys yet. Add one on the server: megapolos keys:add laptop < id_ed25519.pub',
      ),
  }),
  command({
    name: 'keys:add',
    summary: 'Let an SSH key in; the public key comes on standard input',
    access: 'admin',
    kind: 'mutation',
    input: 'an OpenSSH public key',
    args: z.object({
      name,
      role: z
        .enum(roles, `A role is one of ${roles.join(', ')}.`)
        .default('admin')
        .meta({ description: 'viewer reads, deployer pushes and changes apps, admin may everything' }),
    }),
    positional: ['name'],
    aliases: [{ name: 'ssh-keys:add' }],
    result: key,
    examples: ['keys:add laptop < ~/.ssh/id_ed25519.pub', 'keys:add ci --role deployer < ci.pub'],
    run: async ({ name, role }, { input }, { store }) => {
      const { publicKey: _, ...added } = await store.keys.add({ name, role, ...parsePublicKey(input) })
      return added
    },
    text: (added) => [`Added ${added.name} (${added.role}), ${added.fingerprint}.`],
  }),
  command({
    name: 'keys:remove',
    summary: 'Shut an SSH key out',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ name }),
    positional: ['name'],
    aliases: [{ name: 'ssh-keys:remove' }],
    result: z.object({ name: z.string() }),
    run: async ({ name }, { actor }, { store }) => {
      const list = await store.keys.list()
      const admins = list.filter((one) => one.role === 'admin')
      if (actor.door !== 'console' && admins.length === 1 && admins[0]?.name === name) {
        throw new UserError(
          'conflict',
          `${name} is the last admin key; without it only root on the server could come in.`,
          'Add another admin key first, or type it there: megapolos keys:remove',
        )
      }
      if (!(await store.keys.remove(name)))
        throw new UserError('not-found', `There is no key ${name}.`, 'See them: keys:list')
      return { name }
    },
    text: ({ name }) => [`Removed ${name}.`],
  }),
]
