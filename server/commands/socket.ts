/** socket:*: what an app may ask for at the socket in its containers */
import { z } from 'zod'
import { type Actor, socketAccess } from '../domain/access.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { table } from './text.ts'

const on = z.string().min(1).optional().meta({ description: 'the app that it may touch; itself when left out' })
const granted = z.object({ app: z.string(), target: z.string(), access: z.string() })

export const socket = [
  command({
    name: 'socket:grant',
    summary: 'Let an app change itself, or touch another one, through the socket in its containers',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      app,
      access: z
        .enum(socketAccess, `Access is one of ${socketAccess.join(', ')}.`)
        .meta({ description: 'read, or write: what a viewer or a deployer may' }),
      on,
    }),
    positional: ['app', 'access'],
    result: granted,
    examples: ['socket:grant blog write', 'socket:grant dashboard read --on blog'],
    run: async ({ app, access, on }, { actor }, kernel) => {
      const [one, target] = await both(app, on, actor, kernel)
      await kernel.store.socketGrants.set(one.id, { target: target.id, access })
      return { app: one.name, target: target.name, access }
    },
    text: ({ app, target, access }) => [
      `From now on ${app} may ${access === 'write' ? 'change' : 'read'} ${target === app ? 'itself' : target}.`,
    ],
  }),
  command({
    name: 'socket:revoke',
    summary: 'Take back what an app was granted; reading itself is what stays',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ app, on }),
    positional: ['app'],
    result: z.object({ app: z.string(), target: z.string() }),
    examples: ['socket:revoke dashboard --on blog'],
    run: async ({ app, on }, { actor }, kernel) => {
      const [one, target] = await both(app, on, actor, kernel)
      if (!(await kernel.store.socketGrants.remove(one.id, target.id)))
        throw new UserError(
          'not-found',
          `${one.name} was granted nothing on ${target === one ? 'itself' : target.name}.`,
          `See what it may: socket:report ${one.name}`,
        )
      return { app: one.name, target: target.name }
    },
    text: ({ app, target }) =>
      target === app ? [`${app} may only read itself again.`] : [`${app} may not touch ${target} any more.`],
  }),
  command({
    name: 'socket:report',
    summary: 'Show what an app may through the socket in its containers',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'socket:list' }],
    result: z.array(granted),
    run: async ({ app }, _context, { store }) => {
      const one = await store.apps.get(app)
      const grants = await store.socketGrants.of(one.id)
      const names = new Map((await store.apps.list()).map(({ id, name }) => [id, name]))
      const itself = grants.find(({ target }) => target === one.id) ?? { target: one.id, access: 'read' }
      const others = grants.filter(({ target }) => target !== one.id)
      const named = ({ target, access }: { target: string; access: string }) => ({
        app: one.name,
        target: names.get(target) ?? target,
        access,
      })
      return [named(itself), ...others.map(named).sort((a, b) => (a.target < b.target ? -1 : 1))]
    },
    text: (list) =>
      table(
        ['target', 'access'],
        list.map(({ target, access }) => [target, access]),
        '',
      ),
  }),
]

/** The app and its target. Who may touch some apps only may not give one of them power over others, nor others over it. */
async function both(name: string, on: string | undefined, actor: Actor, { store }: Kernel) {
  const one = await store.apps.get(name)
  const target = on === undefined ? one : await store.apps.find(on)
  if (target && (!actor.apps || actor.apps.includes(target.id))) return [one, target] as const
  if (actor.apps) throw new UserError('forbidden', `The token ${actor.name} is not for ${on}.`)
  return [one, await store.apps.get(on ?? name)] as const
}
