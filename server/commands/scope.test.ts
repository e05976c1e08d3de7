import { expect, test } from 'vitest'
import type { Actor } from '../domain/access.ts'
import { createLog } from '../log.ts'
import { createCaller } from './call.ts'
import type { Context } from './command.ts'
import { rows, table } from './index.ts'
import type { Kernel } from './kernel.ts'
import { isRequired } from './parse.ts'

// An admin's token for the app blog alone; whatever gets past the authorization throws.
const passed = new Error('the command ran')
const audited: { actor: string; door: string; result: string }[] = []
const trap: unknown = new Proxy(() => {}, {
  get: (_target, name) => (name === 'then' ? undefined : trap),
  apply: () => Promise.reject(passed),
})
const apps: Record<string, unknown> = {
  find: async (name: string) => (name === 'blog' ? { id: 'b1', name } : name === 'shop' ? { id: 's1', name } : null),
}
const store: Record<string, unknown> = {
  apps: new Proxy(apps, { get: (target, name) => target[String(name)] ?? trap }),
  audit: { add: async (entry: (typeof audited)[number]) => void audited.push(entry) },
}
const kernel = new Proxy(
  {},
  {
    get: (_target, name) =>
      name === 'store' ? new Proxy(store, { get: (target, part) => target[String(part)] ?? trap }) : trap,
  },
) as Kernel
const caller = createCaller(
  table,
  kernel,
  createLog(() => {}),
)
const actor: Actor = { name: 'ci', role: 'admin', door: 'http', from: '203.0.113.7', apps: ['b1'] }
const context: Context = { actor, emit: () => {}, input: '', tty: false, signal: new AbortController().signal }

const outcome = (row: (typeof rows)[number], words: readonly string[]) =>
  (row.kind === 'terminal' ? caller.terminal(words, context) : caller.lines(words, context)).then(
    () => 'ran',
    (error) => error.code,
  )

/** Words for the row, with this app where one is named. */
function wordsFor(row: (typeof rows)[number], app: string, id: string): string[] {
  const samples: Record<string, string> = {
    url: 'https://example.com/hook',
    app,
    key: 'A',
    keys: 'A',
    vars: 'A=1',
    domains: 'a.org',
    limits: 'web=1G',
    settings: 'timeout=5',
    networks: '10.0.0.0/8',
    job: '1',
    budget: '50%',
    access: 'read',
    target: 'blog',
    part: 'crt',
  }
  samples.repository = row.name === 'git:push' || row.name === 'git:verdict' ? id : app
  const needed = row.positional.filter((key: string) => key === 'app' || isRequired(row, key))
  return [row.name, ...needed.map((key: string) => samples[key] ?? 'x')]
}

const aboutApps = rows.filter((row) => row.positional.some((key: string) => key === 'app' || key === 'repository'))

test.each(rows.filter((row) => row.access !== 'public').map((row) => [row.name, row] as const))(
  'a token for blog does not open %s for shop, for an app that is not there, nor for the whole server',
  async (_, row) => {
    const before = audited.length
    expect(await outcome(row, wordsFor(row, 'shop', 's1'))).toBe('forbidden')
    expect(await outcome(row, wordsFor(row, 'nothing', 'n1'))).toBe('forbidden')
    expect(audited.slice(before).map(({ result }) => result)).toEqual(['forbidden', 'forbidden'])
    expect(audited.at(-1)).toMatchObject({ actor: 'ci', door: 'http', from: '203.0.113.7' })
  },
)

// apps:create is about an app that is not there yet, so such a token makes none.
test.each(aboutApps.filter(({ name }) => name !== 'apps:create').map((row) => [row.name, row] as const))(
  'it opens %s for blog',
  async (_, row) => expect(await outcome(row, wordsFor(row, 'blog', 'b1'))).not.toBe('forbidden'),
)

test('the id of another app is not taken for the name of one, nor the other way round', async () => {
  const row = rows.find(({ name }) => name === 'git:push') as (typeof rows)[number]
  expect(await outcome(row, wordsFor(row, 'blog', 'blog'))).toBe('forbidden')
  expect(await outcome(row, ['git:receive-pack', 'b1'])).toBe('forbidden')
})

test.each(['links:add', 'links:remove'])('%s does not lead from its app to another one, there or not', async (name) => {
  const row = rows.find((row) => row.name === name) as (typeof rows)[number]
  for (const target of ['shop', 'nothing']) expect(await outcome(row, [name, 'blog', target])).toBe('forbidden')
})
