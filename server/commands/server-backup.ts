/** server:backup, server:revive */
import { z } from 'zod'
import { bytesText } from '../domain/bytes.ts'
import { errorLines, told, UserError } from '../errors.ts'
import { command } from './command.ts'
import { asker, pipeTo } from './fields.ts'
import type { Kernel } from './kernel.ts'

export const serverBackup = [
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
      await backups.send(pipeTo(context, 'server:backup --stdout > server.age'), { ...context, emit: () => {} })
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
