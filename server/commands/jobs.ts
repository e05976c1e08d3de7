/** jobs:* */
import { z } from 'zod'
import type { Job } from '../domain/job.ts'
import { stepTree } from '../steps.ts'
import { command } from './command.ts'
import { app } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { ago, facts, table } from './text.ts'

const number = z.coerce
  .number('A job is named by its number.')
  .int()
  .positive()
  .meta({ description: 'number of the job' })

const job = z.object({
  id: z.number(),
  kind: z.string(),
  app: z.string().nullable(),
  state: z.string(),
  actor: z.string(),
  operations: z.array(z.string()),
  result: z.string().nullable(),
  createdAt: z.string(),
  startedAt: z.string().nullable(),
  endedAt: z.string().nullable(),
})

const step = z.object({
  name: z.string(),
  depth: z.number(),
  at: z.number().meta({ description: 'milliseconds after the job began' }),
  took: z.number().nullable().meta({ description: 'milliseconds' }),
})

/** What takes less (ms) is not worth a line. */
const worthALine = 5

function timeTree(steps: readonly z.infer<typeof step>[]): string[] {
  return steps
    .filter(({ took }) => (took ?? 0) >= worthALine)
    .map(({ name, depth, took }) => `${'  '.repeat(depth)}${name}: ${Math.round(took ?? 0)} ms`)
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [title, ...lines.map((line) => `  ${line}`)] : []
}

/** People know apps by name. An app that is gone keeps its id. */
async function named(list: readonly Job[], { store }: Kernel) {
  const names = new Map((await store.apps.list()).map((found) => [found.id, found.name]))
  return list.map((one) => ({
    ...one,
    operations: [...one.operations],
    app: one.app === null ? null : (names.get(one.app) ?? one.app),
  }))
}

export const jobs = [
  command({
    name: 'jobs:list',
    summary: 'List jobs: what changes apps, now and before',
    access: 'app:read',
    kind: 'query',
    args: z.object({
      app: app.optional(),
      num: z.coerce.number().int().min(1).max(1000).default(20).meta({ description: 'how many' }),
      active: z.boolean().default(false).meta({ description: 'only those that wait or run' }),
    }),
    positional: ['app'],
    aliases: [{ name: 'jobs' }],
    short: { n: 'num' },
    result: z.array(job),
    run: async ({ app: name, num, active }, _context, kernel) => {
      const found = name === undefined ? undefined : (await kernel.store.apps.get(name)).id
      return named(await kernel.store.jobs.list({ ...(found ? { app: found } : {}), active, limit: num }), kernel)
    },
    text: (list) =>
      table(
        ['job', 'what', 'app', 'state', 'by', 'when', 'result'],
        list.map((one) => [
          String(one.id),
          one.kind,
          one.app ?? '-',
          one.state,
          one.actor,
          ago(one.createdAt),
          one.result ?? '',
        ]),
        'No jobs.',
      ),
  }),
  command({
    name: 'jobs:info',
    summary: 'Show a job, what it did, and its output',
    access: 'app:read',
    kind: 'query',
    args: z.object({ job: number }),
    positional: ['job'],
    result: job.extend({ output: z.array(z.string()), steps: z.array(step) }),
    run: async ({ job: id }, _context, kernel) => {
      const row = await kernel.store.jobs.get(id)
      const [one] = await named(row ? [row] : [], kernel)
      const output: string[] = []
      // This refuses a job that is not there, also one that has just been forgotten.
      for await (const line of kernel.jobs.output(id, { follow: false })) output.push(line)
      return { ...(one as NonNullable<typeof one>), output, steps: stepTree(kernel.jobs.steps(id)) }
    },
    text: (one) => [
      ...facts([
        ['job', `${one.id}, ${one.kind} by ${one.actor}`],
        ['app', one.app ?? '-'],
        ['state', one.state],
        ['result', one.result ?? '-'],
      ]),
      ...section('Done:', one.operations),
      ...section('Time:', timeTree(one.steps)),
      ...section('Output:', one.output),
    ],
  }),
  command({
    name: 'jobs:output',
    summary: 'Print the output of a job, live while it runs',
    access: 'app:read',
    kind: 'query',
    args: z.object({ job: number }),
    positional: ['job'],
    result: z.null(),
    run: async ({ job: id }, { emit, signal }, kernel) => {
      for await (const line of kernel.jobs.output(id, { follow: true, signal })) emit(line)
      return null
    },
    text: () => [],
  }),
  command({
    name: 'jobs:cancel',
    summary: 'Cancel a job that waits, or runs and has not switched yet',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ job: number }),
    positional: ['job'],
    result: z.object({ id: z.number() }),
    run: async ({ job: id }, _context, kernel) => {
      await kernel.jobs.cancel(id)
      return { id }
    },
    text: ({ id }) => [`Job ${id} is cancelled.`],
  }),
]
