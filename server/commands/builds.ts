/** builds:* */
import { z } from 'zod'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { ago, facts, table } from './text.ts'

const number = z.coerce
  .number('A build is named by its number.')
  .int()
  .positive()
  .meta({ description: 'number of the build' })

const build = z.object({
  id: z.number(),
  commit: z.string(),
  buildpack: z.string().nullable(),
  state: z.string(),
  reused: z.boolean(),
  result: z.string().nullable(),
  startedAt: z.string(),
  endedAt: z.string().nullable(),
})

async function find(name: string, id: number | undefined, { store }: Kernel) {
  const found = await store.apps.get(name)
  const one = id === undefined ? (await store.builds.list(found.id, 1))[0] : await store.builds.get(id)
  if (one?.app === found.id) return one
  throw new UserError(
    'not-found',
    id === undefined ? `${name} has no build yet.` : `${name} has no build ${id}.`,
    `See them: builds:list ${name}`,
  )
}

function took(one: { startedAt: string; endedAt: string | null }): string {
  return one.endedAt === null ? '-' : `${((Date.parse(one.endedAt) - Date.parse(one.startedAt)) / 1000).toFixed(1)} s`
}

export const builds = [
  command({
    name: 'builds:list',
    summary: 'List the builds of an app, newest first',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'builds' }],
    result: z.array(build),
    run: async ({ app }, _context, { store }) => store.builds.list((await store.apps.get(app)).id, 50),
    text: (list) =>
      table(
        ['build', 'state', 'commit', 'buildpack', 'took', 'when'],
        list.map((one) => [
          String(one.id),
          one.state,
          one.commit.slice(0, 7),
          one.buildpack ?? '-',
          one.reused ? 'reused' : took(one),
          ago(one.startedAt),
        ]),
        'No builds yet.',
      ),
  }),
  command({
    name: 'builds:info',
    summary: 'Show a build, the newest if none is named',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app, build: number.optional() }),
    positional: ['app', 'build'],
    result: build,
    run: ({ app, build }, _context, kernel) => find(app, build, kernel),
    text: (one) =>
      facts([
        ['build', String(one.id)],
        ['state', one.state],
        ['commit', one.commit],
        ['buildpack', one.buildpack ?? '-'],
        ['took', one.reused ? 'nothing: an image of the same tree was there' : took(one)],
        ['result', one.result ?? '-'],
      ]),
  }),
  command({
    name: 'builds:output',
    summary: 'Print the output of a build, live while it runs',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app, build: number.optional() }),
    positional: ['app', 'build'],
    result: z.null(),
    run: async ({ app, build }, { emit, signal }, kernel) => {
      const one = await find(app, build, kernel)
      for await (const line of kernel.jobs.output(one.id, { follow: true, signal })) emit(line)
      return null
    },
    text: () => [],
  }),
  command({
    name: 'builds:cancel',
    summary: 'Cancel the running build of an app',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app }),
    positional: ['app'],
    result: z.object({ id: z.number() }),
    run: async ({ app }, _context, kernel) => {
      const one = await find(app, undefined, kernel)
      if (one.state !== 'running') throw new UserError('conflict', `${app} has no build running.`)
      await kernel.jobs.cancel(one.id)
      return { id: one.id }
    },
    text: ({ id }) => [`Build ${id} is cancelled.`],
  }),
]
