/** server:*, whoami, login */
import { z } from 'zod'
import { bytesText } from '../domain/bytes.ts'
import { parseBudget } from '../domain/disk.ts'
import { errorLines, told, UserError } from '../errors.ts'
import { type Context, command } from './command.ts'
import { asker, changeText, dryRun } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { facts } from './text.ts'

/** Whoever runs a terminal sees nothing of use in a backup. */
function pipeTo({ write, tty }: Context): (bytes: Buffer) => Promise<void> {
  const example = 'ssh megapolos server:backup --stdout > server.age'
  if (!write) throw new UserError('usage', 'The bytes of a backup only come over SSH or on the server itself.', example)
  if (tty) throw new UserError('usage', 'A backup is not written to a terminal.', example)
  return write
}

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

export const server = [
  command({
    name: 'server:version',
    summary: 'Show versions, and whether everything answers',
    access: 'app:read',
    kind: 'query',
    args: z.object({}),
    positional: [],
    aliases: [{ name: 'version' }, { name: 'server:status' }],
    result: z.object({
      megapolos: z.string(),
      node: z.string(),
      engine: z.string(),
      store: z.string(),
      redis: z.string(),
    }),
    run: async (_args, _context, { version, engineState, store, live, config }) => ({
      megapolos: version,
      node: process.version.slice(1),
      engine: await engineState(),
      store: await store.ping(2000).then(
        () => config.store,
        (error: Error) => error.message,
      ),
      redis: live.available() ? 'answers' : 'does not answer; live updates pause',
    }),
    text: (one) =>
      facts([
        ['MegapolOS', one.megapolos],
        ['Node', one.node],
        ['Docker', one.engine],
        ['store', one.store],
        ['Redis', one.redis],
      ]),
  }),
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
  command({
    name: 'server:backup',
    summary: 'Save state, keys and repositories in one encrypted file',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      stdout: z.boolean().default(false).meta({ description: 'write the file to standard output, not on the server' }),
    }),
    positional: [],
    result: z
      .object({ file: z.string(), bytes: z.number(), apps: z.number(), warnings: z.array(z.string()) })
      .nullable(),
    examples: ['server:backup', 'server:backup --stdout > server.age'],
    run: async ({ stdout }, context, { backups }) => {
      if (!stdout) return backups.save(context)
      await backups.send(pipeTo(context), { ...context, emit: () => {} })
      return null
    },
    text: (saved) => (saved === null ? [] : savedText(saved)),
  }),
  command({
    name: 'server:revive',
    summary: 'Start what should run and does not, building images that are gone',
    access: 'admin',
    kind: 'mutation',
    args: z.object({}),
    positional: [],
    result: z.object({ apps: z.array(z.object({ name: z.string(), release: z.number(), url: z.string() })) }),
    run: async (_args, context, { store, pipeline, url }) => {
      const apps: { name: string; release: number; url: string }[] = []
      const failed: string[] = []
      for (const app of await store.apps.list()) {
        if (app.release === null || app.stopped) continue
        context.emit(`-----> ${app.name} v${app.release}`)
        await pipeline.revive(app, asker(context)).then(
          async () => apps.push({ name: app.name, release: app.release ?? 0, url: await url(app) }),
          (error) => {
            context.signal.throwIfAborted()
            for (const line of errorLines(told(error))) context.emit(line)
            failed.push(app.name)
          },
        )
      }
      if (failed.length === 0) return { apps }
      for (const line of revived(apps)) context.emit(line)
      const again = failed.map((name) => `ps:restart ${name}`).join(', ')
      throw new UserError('refused', `Not back: ${failed.join(', ')}. The reasons are above.`, `Try again: ${again}`)
    },
    text: ({ apps }) => revived(apps),
  }),
  command({
    name: 'whoami',
    summary: 'Show which key you came with, and what it may',
    access: 'public',
    kind: 'query',
    args: z.object({}),
    positional: [],
    result: z.object({ name: z.string(), role: z.string(), door: z.string(), from: z.string().nullable() }),
    run: async (_args, { actor }) => ({ ...actor }),
    text: (one) => [`${one.name}, ${one.role}, by ${one.door}${one.from ? ` from ${one.from}` : ''}`],
  }),
  command({
    name: 'login',
    summary: 'Print a link that signs you in to the panel once',
    access: 'app:read',
    kind: 'mutation',
    args: z.object({}),
    positional: [],
    result: z.object({ tunnel: z.string().nullable(), url: z.string(), minutes: z.number() }),
    run: async (_args, { actor }, { signIn }) => signIn.invite(actor),
    text: ({ tunnel, url, minutes }) => [
      ...(tunnel
        ? [
            'The panel listens on this server only. Open a way to it from your machine, and leave it running:',
            '',
            `  ${tunnel}`,
            '',
            'Then open:',
          ]
        : ['Open:']),
      '',
      `  ${url}`,
      '',
      `The link works once, for ${minutes} minutes.`,
    ],
  }),
]

type Saved = Awaited<ReturnType<Kernel['backups']['save']>>

function savedText({ file, bytes, apps, warnings }: Saved): string[] {
  const what = `the state, the keys and the repositories of ${apps} ${apps === 1 ? 'app' : 'apps'}`
  return [
    ...warnings.map((warning) => `       Warning: ${warning}`),
    `${file} has ${what} (${bytesText(bytes)}).`,
    'Keep a copy on another machine. On an empty one, with the encryption key of this server: ./install.sh --restore FILE',
  ]
}

function revived(apps: readonly { name: string; release: number; url: string }[]): string[] {
  return apps.length === 0 ? ['No app runs.'] : apps.map(({ name, release, url }) => `${name} v${release} runs: ${url}`)
}
