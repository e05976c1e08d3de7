/** logs, logs:access */
import { z } from 'zod'
import type { AccessLine } from '../domain/access-line.ts'
import { coloured, printable } from '../domain/printed.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app } from './fields.ts'

const num = z.coerce.number().int().min(1).max(10_000).default(100).meta({ description: 'how many lines' })
const tail = z.boolean().default(false).meta({ description: 'go on with new lines until Ctrl-C' })
const short = { n: 'num', t: 'tail', f: 'tail' } as const

const line = z.object({ at: z.string(), process: z.string(), release: z.number(), text: z.string() })

function print(one: z.output<typeof line>): string {
  return `${one.at.slice(0, 19)}Z ${one.process.padEnd(9)} ${coloured(one.text)}`
}

const request = z.object({
  time: z.string(),
  host: z.string(),
  method: z.string(),
  path: z.string(),
  status: z.number(),
  bytes: z.number(),
  seconds: z.number(),
  client: z.string(),
  request: z.string(),
})

/** Whoever sent it may have put anything into it. */
function printRequest({ time, host, method, path, status, bytes, seconds, client, request }: AccessLine): string {
  const took = `${Math.round(seconds * 1000)} ms`
  const at = new Date(time).toISOString().slice(0, 19)
  return printable(`${at}Z ${client} ${status} ${method} ${host}${path} ${bytes} B ${took} ${request}`)
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
      num,
      tail,
      process: z.string().optional().meta({ description: 'only this process type or container: web, web.1' }),
    }),
    positional: ['app'],
    short: { ...short, p: 'process' },
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
  command({
    name: 'logs:access',
    summary: 'Print the requests that an app has answered, as the proxy noted them',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app, num, tail }),
    positional: ['app'],
    aliases: [{ name: 'nginx:access-logs' }],
    short,
    result: z.array(request),
    examples: ['logs:access blog --tail'],
    run: async ({ app: name, num, tail }, { emit, signal }, { store, devices }) => {
      const { id } = await store.apps.get(name)
      const lines = []
      for await (const one of devices.proxy().accessLog(id, { num, follow: tail, signal })) {
        if (tail) emit(printRequest(one))
        else lines.push(one)
      }
      return lines
    },
    text: (lines) => (lines.length > 0 ? lines.map(printRequest) : ['No request is noted.']),
  }),
]
