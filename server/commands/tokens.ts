/** tokens:* */
import { z } from 'zod'
import { roles, type Token } from '../domain/access.ts'
import { gitHost, hostUrl } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import type { Kernel } from './kernel.ts'
import { ago, table } from './text.ts'
import { hashOfToken, lifetime, newToken } from './token.ts'

const name = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?$/i,
    'A token’s name has letters, digits, dots, hyphens and underscores, at most 63.',
  )
  .meta({ description: 'name of the token, such as ci' })

const shown = {
  name: z.string(),
  role: z.string(),
  apps: z.array(z.string()).nullable(),
  expiresAt: z.string(),
}

export const tokens = [
  command({
    name: 'tokens:create',
    summary: 'Make a token for git over HTTP, and show it this once',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      name,
      role: z
        .enum(roles, `A role is one of ${roles.join(', ')}.`)
        .default('deployer')
        .meta({ description: 'viewer fetches, deployer pushes' }),
      app: z
        .array(z.string())
        .optional()
        .meta({ description: 'an app that it is for, once for each; else it is for all' }),
      expires: z
        .string()
        .refine((text) => lifetime(text) !== null, 'A token lasts some hours or days, at most 366 days: 12h, 90d.')
        .default('90d')
        .meta({ description: 'how long it lasts, such as 12h or 90d' }),
    }),
    positional: ['name'],
    result: z.object({ ...shown, token: z.string(), remote: z.string() }),
    examples: ['tokens:create ci', 'tokens:create ci --app blog --app shop --expires 30d'],
    run: async ({ name, role, app, expires }, _context, kernel) => {
      const token = newToken()
      const found = app ? await Promise.all([...new Set(app)].map((one) => kernel.store.apps.get(one))) : null
      const apps = found?.map((one) => one.name) ?? null
      const ids = found?.map(({ id }) => id) ?? null
      const expiresAt = new Date(Date.now() + (lifetime(expires) ?? 0)).toISOString()
      await kernel.store.tokens.add({ name, role, apps: ids, expiresAt }, hashOfToken(token) ?? '')
      return { name, role, apps, expiresAt, token, remote: await remote(name, apps?.[0] ?? 'APP', kernel) }
    },
    text: ({ name, role, apps, expiresAt, token, remote }) => [
      `Made the token ${name}: ${role}, for ${apps?.join(', ') ?? 'all apps'}, until ${expiresAt.slice(0, 10)}.`,
      'Keep it now; it is not shown again:',
      '',
      `  ${token}`,
      '',
      'In a repository; git asks for the password, which is the token:',
      '',
      `  git remote add megapolos ${remote}`,
    ],
  }),
  command({
    name: 'tokens:list',
    summary: 'List the tokens: what each may, and when it was last used',
    access: 'admin',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'tokens' }],
    result: z.array(z.object({ ...shown, expired: z.boolean(), lastUsedAt: z.string().nullable() })),
    run: async (_args, _context, { store }) => {
      const names = new Map((await store.apps.list()).map((app) => [app.id, app.name]))
      const ofApps = ({ apps }: Token) => apps?.map((id) => names.get(id) ?? id).sort() ?? null
      return (await store.tokens.list()).map((token) => ({
        name: token.name,
        role: token.role,
        apps: ofApps(token),
        expiresAt: token.expiresAt,
        expired: token.expiresAt <= new Date().toISOString(),
        lastUsedAt: token.lastUsedAt,
      }))
    },
    text: (list) =>
      table(
        ['token', 'role', 'apps', 'until', 'last used'],
        list.map((one) => [
          one.name,
          one.role,
          one.apps === null ? 'all' : one.apps.join(', ') || 'none left',
          one.expired ? 'expired' : one.expiresAt.slice(0, 10),
          one.lastUsedAt === null ? 'never' : ago(one.lastUsedAt),
        ]),
        'There are no tokens. Make one: tokens:create ci',
      ),
  }),
  command({
    name: 'tokens:revoke',
    summary: 'End a token at once',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ name }),
    positional: ['name'],
    aliases: [{ name: 'tokens:remove' }],
    result: z.object({ name: z.string() }),
    run: async ({ name }, _context, { store }) => {
      if (!(await store.tokens.revoke(name)))
        throw new UserError('not-found', `There is no token ${name}.`, 'See them: tokens:list')
      return { name }
    },
    text: ({ name }) => [`Revoked ${name}.`],
  }),
]

async function remote(user: string, app: string, { store, config, routes }: Kernel): Promise<string> {
  const url = hostUrl(gitHost(await store.domains.global()), config, routes.table().hosts)
  return `${url.replace('://', `://${user}@`)}/${app}.git`
}
