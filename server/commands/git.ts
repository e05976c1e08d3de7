/** What git asks for over SSH and HTTP, and what its hook hands over. Programs type these, people do not. */
import { z } from 'zod'
import { type Actor, may } from '../domain/access.ts'
import { appNameProblem, suggestAppName } from '../domain/app.ts'
import { driverOfRepository } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { asker } from './fields.ts'
import type { Kernel } from './kernel.ts'

/** `blog`, `/blog`, `blog.git`: all the ways in which a remote is written. */
const repository = z.string().transform((path) => path.replace(/^\/+|\/+$/g, '').replace(/\.git$/, ''))
const byName = ({ repository }: { repository: string }) => ({ name: repository })
const byId = ({ repository }: { repository: string }) => ({ id: repository })
const path = z.object({ path: z.string() })

async function create(name: string, actor: string, kernel: Kernel) {
  const problem = appNameProblem(name)
  if (problem)
    throw new UserError(
      'usage',
      `An app cannot be called “${name.slice(0, 60)}”: it ${problem}.`,
      `Try: git remote set-url megapolos megapolos:${suggestAppName(name)}`,
    )
  const app = await kernel.pipeline.create(name, actor).catch((error) => firstOfTwo(name, error, kernel))
  kernel.born.add(app.id)
  kernel.live.wake('apps')
  return app
}

/** Of two first pushes at once one makes the app, and the other finds it. */
async function firstOfTwo(name: string, error: unknown, kernel: Kernel) {
  const app = await kernel.store.apps.find(name)
  if (!app) throw error
  return app
}

/** `drivers/memcached` → `memcached`; null for an app. Drivers are an admin's: they may ask for the whole server. */
function driverIn(name: string, actor: Actor): string | null {
  if (!name.startsWith('drivers/')) return null
  requireAdmin(actor)
  return name.slice('drivers/'.length)
}

function requireAdmin(actor: Actor): void {
  if (may(actor, 'admin')) return
  throw new UserError('forbidden', `${actor.name} is a ${actor.role} and may not push or fetch drivers.`)
}

export const git = [
  command({
    name: 'git:receive-pack',
    summary: 'Open the repository of an app or a driver for a push; a new name makes a new one',
    access: 'app:write',
    kind: 'mutation',
    hidden: true,
    deed: 'push',
    about: byName,
    args: z.object({ repository }),
    positional: ['repository'],
    aliases: [{ name: 'git-receive-pack' }],
    result: path,
    run: async ({ repository: name }, { actor }, kernel) => {
      const driver = driverIn(name, actor)
      if (driver !== null) return { path: await kernel.driverPushes.repository(driver) }
      const app = (await kernel.store.apps.find(name)) ?? (await create(name, actor.name, kernel))
      return { path: await kernel.repositories.ensure(app.id) }
    },
    text: ({ path }) => [path],
  }),
  command({
    name: 'git:upload-pack',
    summary: 'Open the repository of an app for a fetch',
    access: 'app:read',
    kind: 'query',
    hidden: true,
    deed: 'fetch',
    about: byName,
    args: z.object({ repository }),
    positional: ['repository'],
    aliases: [{ name: 'git-upload-pack' }],
    result: path,
    run: async ({ repository: name }, { actor }, kernel) => {
      const driver = driverIn(name, actor)
      if (driver !== null) return { path: await kernel.driverPushes.repository(driver) }
      const app = await kernel.store.apps.get(name)
      return { path: await kernel.repositories.ensure(app.id) }
    },
    text: ({ path }) => [path],
  }),
  command({
    name: 'git:push',
    summary: 'Decide about a push: build, release and roll out the tree that the hook sends',
    access: 'app:write',
    kind: 'mutation',
    hidden: true,
    deed: 'push',
    about: byId,
    args: z.object({ repository, ref: z.string(), old: z.string(), new: z.string(), tree: z.string() }),
    positional: ['repository', 'ref', 'old', 'new', 'tree'],
    result: z.null(),
    run: async ({ repository: id, ...push }, context, kernel) => {
      const driver = driverOfRepository(id)
      if (driver !== null && context.source) {
        requireAdmin(context.actor)
        await kernel.driverPushes.push(driver, push, context.source, context.emit)
        return null
      }
      const app = await kernel.store.apps.byId(id)
      if (!app || !context.source) throw new UserError('not-found', 'This repository belongs to no app any more.')
      if (kernel.born.delete(app.id)) context.emit(`-----> Created app ${app.name}`)
      await kernel.pipeline.push(app, push, context.source, asker(context))
      return null
    },
    text: () => [],
  }),
  command({
    name: 'git:verdict',
    summary: 'Say what became of a push that the hook lost sight of',
    access: 'app:write',
    kind: 'query',
    hidden: true,
    deed: 'push',
    about: byId,
    args: z.object({ repository, commit: z.string() }),
    positional: ['repository', 'commit'],
    result: z.object({ version: z.number() }),
    run: async ({ repository: id, commit }, _context, { store }) => {
      const app = await store.apps.byId(id)
      const release = app?.release ? await store.releases.get(id, app.release) : null
      if (release?.commit === commit) return { version: release.version }
      const [running] = await store.jobs.list({ app: id, active: true, limit: 1 })
      if (running) throw new UserError('unavailable', 'The push is not decided yet.')
      throw new UserError(
        'refused',
        'The kernel was lost before this push was decided; nothing has changed.',
        'Push again.',
      )
    },
    text: ({ version }) => [`-----> v${version} is live; it was decided before the kernel was lost`],
  }),
]
