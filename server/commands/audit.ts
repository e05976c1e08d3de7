/** audit */
import { z } from 'zod'
import { printable } from '../domain/printed.ts'
import type { AuditEntry } from '../state/audit.ts'
import { command } from './command.ts'
import { app } from './fields.ts'
import { table } from './text.ts'

const entry = z.object({
  at: z.string(),
  actor: z.string(),
  role: z.string(),
  door: z.string(),
  from: z.string().nullable(),
  command: z.string(),
  args: z.record(z.string(), z.unknown()),
  result: z.string(),
})

/** git's hook knows an app by its id, which nobody else does. */
function read({ args, ...rest }: AuditEntry, names: ReadonlyMap<string, string>): z.output<typeof entry> {
  const values: Record<string, unknown> = JSON.parse(args)
  const { repository } = values
  if (typeof repository !== 'string') return { ...rest, args: values }
  return { ...rest, args: { ...values, repository: names.get(repository) ?? repository } }
}

/** As it would be typed, without what was left as it is by default. */
function typed(args: Record<string, unknown>): string {
  return Object.entries(args)
    .filter(([, value]) => value !== false && value !== null && value !== undefined)
    .map(([name, value]) => {
      if (value === true) return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
      if (Array.isArray(value)) return value.join(' ')
      if (typeof value !== 'object') return String(value).replace(/^([0-9a-f]{7})[0-9a-f]{33}$/, '$1')
      return Object.entries(value as object)
        .map(([key, inner]) => `${key}=${inner}`)
        .join(' ')
    })
    .join(' ')
}

export const audit = [
  command({
    name: 'audit',
    summary: 'List who changed or read what, from where, and what came of it; newest first',
    access: 'admin',
    kind: 'query',
    args: z.object({
      app: app.optional(),
      num: z.coerce.number().int().min(1).max(10_000).default(50).meta({ description: 'how many' }),
    }),
    positional: ['app'],
    short: { n: 'num', a: 'app' },
    result: z.array(entry),
    run: async ({ app, num }, _context, { store }) => {
      const filter = { ...(app === undefined ? {} : { app }), limit: num }
      const [list, apps] = await Promise.all([store.audit.list(filter), store.apps.list()])
      // As with events: one that is gone may be in it.
      if (list.length === 0 && app !== undefined) await store.apps.get(app)
      const names = new Map(apps.map(({ id, name }) => [id, name]))
      return list.map((one) => read(one, names))
    },
    text: (list) =>
      table(
        ['when', 'who', 'from', 'result', 'command'],
        list.map((one) => [
          `${one.at.slice(0, 19)}Z`,
          `${one.actor} (${one.role})`,
          [one.door, one.from].filter(Boolean).join(' '),
          one.result,
          printable(`${one.command} ${typed(one.args)}`.trimEnd()),
        ]),
        'Nothing was changed yet.',
      ),
  }),
]
