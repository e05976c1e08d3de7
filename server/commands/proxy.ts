/** proxy:*: limits of requests */
import { z } from 'zod'
import type { LimitChanges } from '../changes/requests.ts'
import { limitNamed, limits, networkProblem, type Rules } from '../domain/routing.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, change, changeText, dryRun } from './fields.ts'
import { table } from './text.ts'

/** `timeout=120`, or as two words; without a value it is as usual again. */
const settings = z
  .array(z.string())
  .min(1, `Name what to set: ${Object.keys(limits).join(', ')}.`)
  .transform((words, context): LimitChanges => {
    const [first = '', second = ''] = words
    const pairs = first.includes('=') || words.length > 2 ? words : [`${first}=${second}`]
    const problem = pairs.map(limitProblem).find((found) => found !== null)
    if (problem === undefined) return Object.fromEntries(pairs.map((pair) => readLimit(pair)))
    context.addIssue({ code: 'custom', message: problem })
    return z.NEVER
  })
  .meta({ description: 'largest-body=10m, timeout=120s, hsts=on; with an empty value it is as usual again' })

const networks = z
  .array(z.string())
  .transform((words) =>
    words
      .join(',')
      .replace(/^trusted=/, '')
      .split(',')
      .filter(Boolean),
  )
  .superRefine((list, context) => {
    const wrong = list.find((one) => networkProblem(one) !== null)
    if (wrong !== undefined)
      context.addIssue({ code: 'custom', message: `“${wrong.slice(0, 60)}” ${networkProblem(wrong)}.` })
  })
  .meta({ description: 'trusted=10.0.0.0/24,192.0.2.7: proxies that are believed who a client is; empty: nobody' })

export const proxy = [
  command({
    name: 'proxy:report',
    summary: 'Show how large requests to apps may be, how long they may take, and HSTS',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app: app.optional() }),
    positional: ['app'],
    aliases: [{ name: 'nginx:report' }],
    result: z.object({
      trusted: z.array(z.string()),
      apps: z.array(
        z.object({
          ...{ app: z.string(), largestBody: z.number().nullable(), timeout: z.number().nullable() },
          ...{ hsts: z.number().nullable(), users: z.number(), maintenance: z.boolean() },
        }),
      ),
    }),
    run: async ({ app: name }, _context, { store }) => {
      const apps = name === undefined ? await store.apps.list() : [await store.apps.get(name)]
      const rules = await store.routing.list()
      return {
        trusted: [...(await store.routing.trusted())],
        apps: apps.map((one) => ({ app: one.name, ...shown(rules.get(one.id) ?? {}) })),
      }
    },
    text: ({ trusted, apps }) => [
      `Trusted proxies before this one: ${trusted.join(', ') || 'none'}`,
      ...table(
        ['app', ...Object.keys(limits), 'asks for a password', 'maintenance'],
        apps.map((one) => [
          one.app,
          ...Object.values(limits).map(({ key, print, usual }) => (one[key] === null ? usual : print(one[key]))),
          one.users > 0 ? `of ${one.users}` : 'no',
          one.maintenance ? 'on' : 'off',
        ]),
        'There are no apps yet.',
      ),
    ],
  }),
  command({
    name: 'proxy:set',
    summary: 'Set how large requests to an app may be, how long they may take, and HSTS',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, settings, dryRun }),
    positional: ['app', 'settings'],
    aliases: [{ name: 'nginx:set' }],
    result: change,
    examples: ['proxy:set blog largest-body=10m timeout=120s', 'proxy:set blog hsts=on', 'proxy:set blog timeout='],
    run: async ({ app, settings, dryRun }, _context, { store, pipeline }) =>
      pipeline.limitRequests(await store.apps.get(app), settings, dryRun),
    text: changeText,
  }),
  command({
    name: 'proxy:set-global',
    summary: 'Name the proxies before this one that are believed who a client is',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ networks }),
    positional: ['networks'],
    result: z.object({ trusted: z.array(z.string()), late: z.string() }),
    examples: ['proxy:set-global trusted=10.0.0.0/24,192.0.2.7', 'proxy:set-global trusted='],
    run: async ({ networks }, _context, { pipeline }) => ({
      trusted: networks,
      late: await pipeline.trust(networks),
    }),
    text: ({ trusted, late }) => [
      trusted.length > 0
        ? `${trusted.join(', ')} are believed who a client is; nobody else is.${late}`
        : `Nobody is believed who a client is but the client.${late}`,
    ],
  }),
]

function limitProblem(pair: string): string | null {
  const [name, text] = split(pair)
  const limit = limitNamed(name)
  if (!limit) return `There is no setting “${name.slice(0, 60)}”; there are ${Object.keys(limits).join(', ')}.`
  if (isReset(text) || limit.parse(text) !== null) return null
  return `${name}=${text.slice(0, 60)} cannot be; type one such as ${name}=${limit.example}.`
}

function readLimit(pair: string): [string, number | null] {
  const [name, text] = split(pair)
  const limit = limitNamed(name)
  if (!limit) throw new UserError('usage', `There is no setting ${name}.`)
  return [limit.key, isReset(text) ? null : limit.parse(text)]
}

function split(pair: string): [name: string, value: string] {
  const at = pair.indexOf('=')
  return at < 0 ? [pair, ''] : [pair.slice(0, at), pair.slice(at + 1)]
}

/** `hsts=off` is what it is without a word. */
function isReset(text: string): boolean {
  return text === '' || text === 'off' || text === 'false'
}

function shown({ users = {}, maintenance, ...set }: Rules) {
  return {
    ...{ largestBody: set.largestBody ?? null, timeout: set.timeout ?? null, hsts: set.hsts ?? null },
    ...{ users: Object.keys(users).length, maintenance: maintenance !== undefined },
  }
}
