/** server:backup, server:revive */
import { z } from 'zod'
import { bytesText } from '../domain/bytes.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { pipeTo } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { installAgain, lostOnes, reviveApps, revivedText } from './revive.ts'

const revived = z.object({
  apps: z.array(z.object({ name: z.string(), release: z.number(), url: z.string() })),
  waiting: z.array(z.object({ name: z.string(), for: z.array(z.string()) })),
  /** How many databases and volumes have no content here. */
  lost: z.number(),
})

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
    summary: 'Install and start what should run and does not, building images that are gone',
    access: 'admin',
    kind: 'mutation',
    args: z.object({}),
    positional: [],
    result: revived,
    run: async (_args, context, kernel) => {
      const missing = await installAgain(kernel, context)
      const { failed, ...result } = await reviveApps(kernel, context)
      if (missing.length + failed.length === 0) return { ...result, lost: (await lostOnes(kernel)).length }
      for (const line of revivedText(result)) context.emit(line)
      const again = [...missing, ...failed.map((name) => `ps:restart ${name}`)].join(', ')
      const names = [...missing.map((words) => words.split(' ').at(-1)), ...failed].join(', ')
      throw new UserError('refused', `Not back: ${names}. The reasons are above.`, `Try again: ${again}`)
    },
    text: ({ lost, ...result }) => [
      ...revivedText(result),
      ...(lost === 0 ? [] : ['What was in databases and volumes comes back from their backups: backups:restore-all']),
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
