/** logs */
import { z } from 'zod'
import { coloured } from '../domain/printed.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app } from './fields.ts'

const line = z.object({ at: z.string(), process: z.string(), release: z.number(), text: z.string() })

function print(one: z.output<typeof line>): string {
  return `${one.at.slice(0, 19)}Z ${one.process.padEnd(9)} ${coloured(one.text)}`
}

/** The other way round, for doors that show the lines of `--tail` as more than text. */
export function readLogLine(printed: string): { at: string; process: string; text: string } {
  const [at = '', process = ''] = printed.split(' ', 2)
  return { at, process, text: printed.slice(at.length + 1 + Math.max(9, process.length) + 1) }
}

export const logs = [
  command({
    name: 'logs',
    summary: 'Print the log of an app, of crashed containers too',
    access: 'app:read',
    kind: 'query',
    args: z.object({
      app,
      num: z.coerce.number().int().min(1).max(10_000).default(100).meta({ description: 'how many lines' }),
      tail: z.boolean().default(false).meta({ description: 'go on with new lines until Ctrl-C' }),
      process: z.string().optional().meta({ description: 'only this process type or container: web, web.1' }),
    }),
    positional: ['app'],
    short: { n: 'num', t: 'tail', p: 'process', f: 'tail' },
    result: z.array(line),
    examples: ['logs blog --tail', 'logs blog --process worker --num 20'],
    run: async ({ app: name, num, tail, process }, { emit, signal }, { store, logs }) => {
      const found = await store.apps.get(name)
      if (found.release === null && !tail)
        throw new UserError(
          'conflict',
          `${name} has no release yet, so it has no log.`,
          `Why a build failed: builds:output ${name}`,
        )
      const lines = []
      for await (const one of logs.read(found, { num, process: process ?? null, follow: tail, signal })) {
        if (tail) emit(print(one))
        else lines.push(one)
      }
      return lines
    },
    text: (lines) => lines.map(print),
  }),
]
