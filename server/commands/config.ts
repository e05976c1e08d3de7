/** config:* */
import { z } from 'zod'
import type { Change } from '../changes/change.ts'
import { configVarProblem } from '../domain/config-vars.ts'
import { linkEnvironment } from '../domain/link.ts'
import { UserError } from '../errors.ts'
import type { Context } from './command.ts'
import { command } from './command.ts'
import { parseEnvFile, printEnvFile } from './env-file.ts'
import { app, change, changeText, dryRun, subject, vars } from './fields.ts'
import type { Kernel } from './kernel.ts'
import { facts } from './text.ts'

const noRestart = z.boolean().default(false).meta({ description: 'save only; the next release takes it' })
const injection = z.object({
  name: z.string(),
  value: z.string().nullable(),
  from: z.string(),
})
const flags = { noRestart, dryRun }

/** What attachments and links set beside the config vars. */
async function injections(app: string, { store, attachments, config }: Kernel) {
  const [saved, links] = await Promise.all([store.attachments.ofApp(app), store.links.ofApp(app)])
  const values = Object.entries(linkEnvironment(links, config.httpPort))
  const linked = values.map(([name, value]) => ({ name, value, from: 'linked app' }))
  const known = saved.length === 0 ? [] : await attachments.injections(app, saved)
  return [...known.map(({ name, value, database }) => ({ name, value, from: `attached: ${database}` })), ...linked]
}

async function save(
  name: string,
  changes: Record<string, string | null>,
  flags: { noRestart: boolean; dryRun: boolean },
  context: Context,
  kernel: Kernel,
): Promise<Change> {
  const [found, by] = await subject(name, context, kernel)
  return kernel.pipeline.configure(found, changes, by, { restart: !flags.noRestart, dryRun: flags.dryRun })
}

export const config = [
  command({
    name: 'config:show',
    summary: 'Show the config vars of an app, and what attachments and links set',
    access: 'app:write',
    kind: 'query',
    reveals: true,
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'config' }],
    result: z.object({ vars: z.record(z.string(), z.string()), injected: z.array(injection) }),
    run: async ({ app }, _context, kernel) => {
      const { id } = await kernel.store.apps.get(app)
      return { vars: await kernel.store.config.get(id), injected: await injections(id, kernel) }
    },
    text: ({ vars, injected }) => {
      if (Object.keys(vars).length + injected.length === 0) return ['No config vars are set.']
      const others = injected.map(({ name, value, from }): [string, string] => [
        name,
        `${value ?? 'from the next release on'}  (${from})`,
      ])
      return facts([...Object.entries(vars), ...others])
    },
  }),
  command({
    name: 'config:get',
    summary: 'Print the value of one config var',
    access: 'app:write',
    kind: 'query',
    reveals: true,
    args: z.object({ app, key: z.string() }),
    positional: ['app', 'key'],
    result: z.string(),
    run: async ({ app, key }, _context, kernel) => {
      const { id } = await kernel.store.apps.get(app)
      const known = await kernel.store.config.get(id)
      const injected = await injections(id, kernel)
      const own = Object.hasOwn(known, key) ? known[key] : undefined
      const value = own ?? injected.find(({ name }) => name === key)?.value ?? undefined
      if (value === undefined)
        throw new UserError('not-found', `${app} has no config var ${key}.`, `See them: config:show ${app}`)
      return value
    },
    text: (value) => value.split('\n'),
  }),
  command({
    name: 'config:set',
    summary: 'Set config vars, and roll the app out with them',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, vars, ...flags }),
    positional: ['app', 'vars'],
    secret: ['vars'],
    result: change,
    examples: ['config:set blog API_KEY=abc GREETING="good morning"', 'config:set blog DEBUG=1 --no-restart'],
    run: ({ app, vars, ...options }, context, kernel) => save(app, vars, options, context, kernel),
    text: changeText,
  }),
  command({
    name: 'config:unset',
    summary: 'Unset config vars, and roll the app out without them',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, keys: z.array(z.string()), ...flags }),
    positional: ['app', 'keys'],
    aliases: [{ name: 'config:remove' }],
    result: change,
    run: async ({ app, keys, ...options }, context, kernel) => {
      const known = await kernel.store.config.get((await kernel.store.apps.get(app)).id)
      const missing = keys.find((key) => !Object.hasOwn(known, key))
      if (missing !== undefined)
        throw new UserError('not-found', `${app} has no config var ${missing}.`, `See them: config:show ${app}`)
      return save(app, Object.fromEntries(keys.map((key) => [key, null])), options, context, kernel)
    },
    text: changeText,
  }),
  command({
    name: 'config:export',
    summary: 'Print all config vars as lines that config:import reads',
    access: 'app:write',
    kind: 'query',
    reveals: true,
    args: z.object({ app }),
    positional: ['app'],
    result: z.record(z.string(), z.string()),
    examples: ['config:export blog > blog.env'],
    run: async ({ app }, _context, { store }) => store.config.get((await store.apps.get(app)).id),
    text: printEnvFile,
  }),
  command({
    name: 'config:import',
    summary: 'Set config vars from KEY=VALUE lines on standard input',
    access: 'app:write',
    kind: 'mutation',
    input: 'lines of KEY=VALUE',
    args: z.object({ app, ...flags }),
    positional: ['app'],
    result: change,
    examples: ['config:import blog < blog.env'],
    run: ({ app, ...options }, context, kernel) => {
      const vars = parseEnvFile(context.input)
      const problem = Object.entries(vars)
        .map(([key, value]) => configVarProblem(key, value))
        .find(Boolean)
      if (problem) throw new UserError('usage', problem)
      if (Object.keys(vars).length === 0)
        throw new UserError(
          'usage',
          'There were no KEY=VALUE lines on standard input.',
          'config:import blog < blog.env',
        )
      return save(app, vars, options, context, kernel)
    },
    text: changeText,
  }),
]
