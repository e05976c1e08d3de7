/** volumes:*, and storage:* for fingers that know it. */
import { z } from 'zod'
import { may } from '../domain/access.ts'
import { bytesText } from '../domain/bytes.ts'
import { placeOf, type Volume, type VolumeAttachment, volumeNameProblem } from '../domain/volume.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, confirmed, dryRun, ruled, volume } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { isScheduled, scheduleEnds } from './schedule-of.ts'
import { ago, facts, table } from './text.ts'

const newVolume = ruled('A volume cannot be called', volumeNameProblem).meta({
  description: 'name of the new volume',
})

const shown = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.enum(['static', 'automatic']),
  lost: z.boolean(),
  /** Bytes and files; null when nobody can say it now. */
  usage: z.object({ bytes: z.number(), files: z.number() }).nullable(),
  attachments: z.array(z.object({ app: z.string(), at: z.string(), how: z.array(z.string()) })),
  createdAt: z.string(),
  createdBy: z.string(),
})

async function show(one: Volume, { store, volumes }: Kernel): Promise<z.output<typeof shown>> {
  const { id, name, lost, createdAt, createdBy } = one
  const rows = await store.volumes.attachments({ volume: id })
  const attachments = rows.map(async (row) => ({
    app: (await store.apps.byId(row.app))?.name ?? row.app,
    at: placeOf(row),
    how: howOf(row),
  }))
  return {
    ...{ id, name, lost, createdAt, createdBy },
    kind: one.path === null ? 'automatic' : 'static',
    usage: await volumes.usage(one),
    attachments: await Promise.all(attachments),
  }
}

function howOf({ readOnly, exclusive, process, state }: VolumeAttachment): string[] {
  return [
    readOnly ? 'read-only' : 'read-write',
    ...(exclusive ? ['exclusive'] : []),
    ...(process === null ? [] : [`${process} only`]),
    ...(state === 'attached' ? [] : [state]),
  ]
}

const counted = (files: number) => (files === 1 ? '1 file' : `${files} files`)
const usageText = (usage: z.output<typeof shown>['usage']) => (usage === null ? '?' : bytesText(usage.bytes))

export const volumes = [
  command({
    name: 'volumes:list',
    summary: 'List the volumes, or those of an app',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app: app.optional() }),
    positional: ['app'],
    aliases: [{ name: 'volumes' }, { name: 'storage:list' }, { name: 'storage:report' }],
    result: z.array(shown),
    run: async ({ app: name }, _context, kernel) => {
      const { store } = kernel
      const of = name === undefined ? {} : { app: (await store.apps.get(name)).id }
      const attached = new Set((await store.volumes.attachments(of)).map((row) => row.volume))
      const list = (await store.volumes.list()).filter((one) => name === undefined || attached.has(one.id))
      const result: z.output<typeof shown>[] = []
      // One after the other: each counts files.
      for (const one of list) if (one.state === 'ready') result.push(await show(one, kernel))
      return result
    },
    text: (list) =>
      table(
        ['volume', 'kind', 'used', 'attached to'],
        list.map((one) => [
          one.name,
          one.kind,
          one.lost ? 'lost' : usageText(one.usage),
          one.attachments.map(({ app, at }) => `${app}:${at}`).join(' ') || '-',
        ]),
        'There are no volumes. Make one: volumes:create uploads',
      ),
  }),
  command({
    name: 'volumes:info',
    summary: 'Show a volume: its size, and the apps that have it',
    access: 'app:read',
    kind: 'query',
    args: z.object({ volume }),
    positional: ['volume'],
    aliases: [{ name: 'storage:info' }],
    result: shown.extend({ directory: z.string() }),
    run: async ({ volume }, _context, kernel) => {
      const found = await kernel.store.volumes.get(volume)
      const directory = await kernel.volumes.open(found).catch((error: Error) => error.message)
      return { ...(await show(found, kernel)), directory }
    },
    text: (one) => [
      ...facts([
        ['Volume', `${one.name} (${one.kind})`],
        ['Directory', one.directory],
        ['Used', one.usage ? `${usageText(one.usage)} in ${counted(one.usage.files)}` : 'nobody can say it now'],
        ['Created', `${ago(one.createdAt)} by ${one.createdBy}`],
      ]),
      ...table(
        ['app', 'at', 'how'],
        one.attachments.map(({ app, at, how }) => [app, at, how.join(', ')]),
        'It is attached to no app.',
      ),
    ],
  }),
  command({
    name: 'volumes:create',
    summary: 'Create a volume: a new directory, or one of the server that is there already',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({
      volume: newVolume,
      path: z.string().optional().meta({ description: 'a directory of the server, such as /srv/uploads; admins only' }),
    }),
    positional: ['volume'],
    aliases: [{ name: 'storage:create', positional: ['volume', 'path'] }],
    result: z.object({ volume: z.string() }),
    examples: ['volumes:create uploads', 'volumes:create uploads --path /srv/uploads'],
    run: async ({ volume, path }, { actor }, kernel) => {
      if (path !== undefined && !may(actor, 'admin'))
        throw new UserError('forbidden', `${actor.name} is a ${actor.role} and may not give a directory of the server.`)
      return { volume: (await kernel.volumes.create(volume, path ?? null, actor.name)).name }
    },
    text: ({ volume }) => [
      `Created ${volume}.`,
      `Attach it to an app, also while that runs: volumes:attach APP ${volume}`,
    ],
  }),
  command({
    name: 'volumes:destroy',
    summary: 'Destroy a volume with its data; the directory of a static one stays',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ volume, confirm: z.string().optional().meta({ description: 'the name again' }), dryRun }),
    positional: ['volume'],
    aliases: [{ name: 'storage:destroy' }],
    result: z.object({ volume: z.string(), planned: z.boolean(), kept: z.string().nullable(), scheduled: z.boolean() }),
    run: async ({ volume, confirm, dryRun }, _context, kernel) => {
      const found = await kernel.store.volumes.get(volume)
      const scheduled = await isScheduled(kernel, 'volume', volume)
      const result = { volume, planned: dryRun, kept: found.path, scheduled }
      if (dryRun) return result
      confirmed(volume, confirm, `volumes:destroy ${volume}`)
      await kernel.volumes.destroy(found)
      return result
    },
    text: ({ volume, planned, kept, scheduled }) => [
      planned ? `Would destroy ${volume}.` : `${volume} is gone.`,
      ...(scheduled ? [planned ? 'Would end its schedule of backups.' : scheduleEnds(volume)] : []),
      ...(kept === null ? [] : [`Its directory stays: ${kept}`]),
    ],
  }),
]
