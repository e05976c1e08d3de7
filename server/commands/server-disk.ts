/** server:gc, server:disk, server:set-disk-budget: what takes space, and what of it can go. */
import { z } from 'zod'
import { bytesText } from '../domain/bytes.ts'
import { parseBudget } from '../domain/disk.ts'
import { command } from './command.ts'
import { asker, changeText, dryRun } from './fields.ts'
import { facts } from './text.ts'

const budget = z
  .string()
  .refine((text) => parseBudget(text) !== null, 'A disk budget is a size or a share of the disk, such as 20GB or 50%.')
  .meta({ description: 'such as 20GB, or 50% of the disk' })

const disk = z.object({
  path: z.string(),
  /** Null when the engine’s disk cannot be seen from here. */
  free: z.number().nullable(),
  total: z.number().nullable(),
  images: z.number(),
  cache: z.number(),
  budget: z.string(),
  allowed: z.number().nullable(),
})

function diskText(one: z.output<typeof disk>): string[] {
  const room = one.total === null ? '' : `: ${bytesText(one.free ?? 0)} of ${bytesText(one.total)} are free`
  return facts([
    ['disk', `${one.path}${room}`],
    ['images', bytesText(one.images)],
    ['build cache', bytesText(one.cache)],
    ['budget', `${one.budget}${one.allowed === null ? '' : `, now ${bytesText(one.allowed)} for both`}`],
  ])
}

export const serverDisk = [
  command({
    name: 'server:gc',
    summary: 'Remove what nothing can reach any more: images, build cache, old releases, logs',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ dryRun }),
    positional: [],
    aliases: [{ name: 'cleanup' }],
    result: z.object({
      planned: z.boolean(),
      operations: z.array(z.string()),
      bytes: z.number(),
      kept: z.array(z.string()),
    }),
    examples: ['server:gc --dry-run'],
    run: async ({ dryRun }, context, { collector }) => (dryRun ? collector.plan() : collector.collect(asker(context))),
    text: ({ planned, operations, bytes, kept }) => {
      if (planned) {
        const lines = changeText({ app: '', release: null, planned, operations, result: '' })
        return bytes > 0 ? [...lines, `That would free ${bytesText(bytes)}.`] : lines
      }
      if (operations.length + kept.length === 0) return ['There was nothing to remove.']
      const rest = kept.length > 0 ? ` ${kept.length} could not go now; the next time will try again.` : ''
      return [`Removed ${operations.length}${bytes > 0 ? `, which freed ${bytesText(bytes)}` : ''}.${rest}`]
    },
  }),
  command({
    name: 'server:disk',
    summary: 'Show what takes space on the disk, and how much it may take',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    result: disk,
    run: async (_args, _context, { collector }) => collector.disk(),
    text: diskText,
  }),
  command({
    name: 'server:set-disk-budget',
    summary: 'Set how much of the disk images and build cache may take',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ budget }),
    positional: ['budget'],
    result: disk,
    examples: ['server:set-disk-budget 50%', 'server:set-disk-budget 20GB'],
    run: async ({ budget }, _context, { store, collector }) => {
      await store.settings.set('disk-budget', budget)
      return collector.disk()
    },
    text: diskText,
  }),
]
