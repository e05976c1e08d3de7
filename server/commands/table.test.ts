import { readdirSync, readFileSync } from 'node:fs'
import { expect, test, vi } from 'vitest'
import { type Access, type Role, roles } from '../domain/access.ts'
import { createLog } from '../log.ts'
import { createCaller } from './call.ts'
import type { AnyRow, Context } from './command.ts'
import { topic } from './help.ts'
import { rows, table } from './index.ts'
import type { Kernel } from './kernel.ts'
import { isRequired } from './parse.ts'
import { withCommands } from './readme.ts'

const least: Record<Access, Role> = { public: 'viewer', 'app:read': 'viewer', 'app:write': 'deployer', admin: 'admin' }

function context(role: Role): Context {
  return {
    actor: { name: 'tester', role, door: 'ssh', from: null },
    emit: () => {},
    input: '',
    tty: false,
    signal: new AbortController().signal,
  }
}

/** A kernel whose every part throws when a command gets as far as using it: the door was open. */
function untouchable() {
  const audited: string[] = []
  const passed = new Error('the command ran')
  const trap: unknown = new Proxy(() => {}, {
    get: (_target, name) => (name === 'then' ? undefined : trap),
    apply: () => Promise.reject(passed),
  })
  const audit = { add: async (entry: { result: string }) => void audited.push(entry.result) }
  const store = new Proxy({}, { get: (_target, name) => (name === 'audit' ? audit : trap) })
  const kernel = new Proxy({}, { get: (_target, name) => (name === 'store' ? store : trap) })
  return { kernel: kernel as Kernel, audited }
}

const samples: Record<string, unknown> = {
  app: 'blog',
  name: 'laptop',
  repository: 'blog',
  key: 'A',
  keys: ['A'],
  vars: ['A=1'],
  domains: ['example.com'],
  limits: ['web=1G'],
  settings: ['timeout=5'],
  networks: ['10.0.0.0/8'],
  budget: '50%',
  access: 'read',
  part: 'crt',
  job: 1,
  backup: '1a2b3c4d',
  webhook: 1,
  url: 'https://example.com',
  command: ['ls'],
  ref: 'refs/heads/main',
  commit: '1',
  old: '0',
  new: '1',
  tree: '2',
}

function wordsFor(row: AnyRow): string[] {
  const needed = row.positional.filter((key: string) => isRequired(row, key))
  return [row.name, ...needed.flatMap((key: string) => samples[key] ?? 'x').map(String)]
}

for (const role of roles) {
  for (const row of rows) {
    const allowed = roles.indexOf(role) >= roles.indexOf(least[row.access])
    test(`${role} ${allowed ? 'may' : 'may not'} use ${row.name}`, async () => {
      const { kernel, audited } = untouchable()
      const caller = createCaller(
        table,
        kernel,
        createLog(() => {}),
      )
      const run =
        row.kind === 'terminal'
          ? caller.terminal(wordsFor(row), context(role))
          : caller.lines(wordsFor(row), context(role))
      const outcome = await run.then(
        () => 'ok',
        (error) => error.code,
      )
      if (allowed) expect(outcome).not.toBe('forbidden')
      else {
        expect(outcome).toBe('forbidden')
        expect(audited).toEqual(['forbidden'])
      }
    })
  }
}

test('every row says what it does in one line without a full stop', () => {
  for (const row of rows) expect(row.summary, row.name).toMatch(/^[A-Z][^\n]{5,90}[^.]$/)
})

test('every topic is a file, and every row is in the file of its topic', () => {
  const files = readdirSync(import.meta.dirname)
  for (const row of rows)
    if (row.name !== 'whoami' && row.name !== 'login') expect(files, row.name).toContain(`${topicFile(row)}.ts`)
})

function topicFile(row: AnyRow): string {
  return ['run', 'enter'].includes(row.name)
    ? 'run'
    : row.name === 'help'
      ? 'help'
      : topic(row) === 'git'
        ? 'git'
        : topic(row)
}

test('help shows every command that is not hidden, and each has a page of its own', async () => {
  const { kernel } = untouchable()
  const caller = createCaller(
    table,
    kernel,
    createLog(() => {}),
  )
  const overview = (await caller.lines(['help'], context('viewer'))).join('\n')
  for (const row of rows) {
    if (row.hidden) expect(overview).not.toContain(row.name)
    else {
      expect(overview).toContain(`${row.name} `)
      expect((await caller.lines(['help', row.name], context('viewer'))).join('\n')).toContain(row.name)
    }
  }
})

test('values of config vars never reach the audit log', async () => {
  const entries: { args: string }[] = []
  const app = { id: '1', name: 'blog', release: null }
  const kernel = {
    store: {
      apps: { get: async () => app },
      audit: { add: async (entry: { args: string }) => void entries.push(entry) },
    },
    pipeline: {
      configure: vi.fn(async () => ({ app: 'blog', release: null, planned: false, operations: [], result: 'ok' })),
    },
  } as unknown as Kernel
  await createCaller(
    table,
    kernel,
    createLog(() => {}),
  ).lines(['config:set', 'blog', 'API_KEY=hunter2'], context('admin'))
  expect(JSON.stringify(entries)).not.toContain('hunter2')
  expect(entries[0]?.args).toBe('{"app":"blog","vars":{"API_KEY":"***"},"noRestart":false,"dryRun":false}')
})

test('a bug is logged and told as an internal error, without its message', async () => {
  const lines: string[] = []
  const kernel = {
    store: { keys: { list: () => Promise.reject(new TypeError('secret detail')) }, audit: { add: async () => {} } },
  } as unknown as Kernel
  const caller = createCaller(
    table,
    kernel,
    createLog((line) => lines.push(line)),
  )
  await expect(caller.lines(['keys:list'], context('admin'))).rejects.toThrow('Internal error')
  expect(lines.join()).toContain('secret detail')
})

test('README shows the commands as they are', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
  expect(withCommands(readme)).toBe(readme)
})
