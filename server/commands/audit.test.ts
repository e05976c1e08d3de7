/** `audit` and `events` on a real store. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createJournal, type Journal } from '../events/journal.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { type Caller, createCaller } from './call.ts'
import type { Context } from './command.ts'
import { table } from './index.ts'
import type { Kernel } from './kernel.ts'

let started: TestStore
let journal: Journal
let caller: Caller

beforeEach(async () => {
  started = await startStore('sqlite')
  const live = { wake: () => {}, watch: () => () => {} }
  journal = createJournal({ store: started.store, live, log: quiet })
  caller = createCaller(table, { store: started.store, journal } as unknown as Kernel, quiet)
})
afterEach(() => started.stop())

const context: Context = {
  actor: { name: 'ann', role: 'admin', door: 'ssh', from: '203.0.113.7' },
  emit: () => {},
  input: '',
  tty: false,
  signal: new AbortController().signal,
}
const lines = (...words: string[]) => caller.lines(words, context)

async function audited(command: string, args: object, result = 'ok') {
  const at = '2026-01-01T03:00:00.000Z'
  const { name: actor, role, door, from } = context.actor
  await started.store.audit.add({ at, actor, role, door, from, command, args: JSON.stringify(args), result })
}

test('a row of the audit log reads like what was typed, with the app by its name', async () => {
  const { id } = await started.store.apps.create('blog', 'ann')
  const commit = 'a'.repeat(40)
  await audited('git:push', { repository: id, ref: 'refs/heads/main', new: commit })
  await audited('config:set', { app: 'blog', vars: { A: '***' }, noRestart: true, dryRun: false }, 'conflict')
  expect(await lines('audit')).toEqual([
    'WHEN                  WHO          FROM             RESULT    COMMAND',
    '2026-01-01T03:00:00Z  ann (admin)  ssh 203.0.113.7  conflict  config:set blog A=*** --no-restart',
    '2026-01-01T03:00:00Z  ann (admin)  ssh 203.0.113.7  ok        git:push blog refs/heads/main aaaaaaa',
  ])
})

test('nothing that somebody typed steers the terminal of whoever reads it', async () => {
  await audited('ps:scale', { app: 'blog\u001b[2J\r\n', scale: ['\u009b1m'] })
  journal.record({ kind: 'app', text: 'evil\u001b]0;title\u0007' })
  await journal.close(1000)
  const said = [...(await lines('audit')), ...(await lines('events'))]
  expect(said.join(' ')).not.toMatch(/\p{Cc}/u)
  expect(said.join(' ')).toContain('ps:scale blog?[2J?? ?1m')
})

test('events of an app by its name, of one that is gone too; a name that never was is told', async () => {
  const blog = await started.store.apps.create('blog', 'ann')
  journal.record({ kind: 'app', app: { id: blog.id, name: 'log' }, text: 'log was created by ann.' })
  journal.record({ kind: 'job-ended', app: { id: 'feedbeef', name: 'shop' }, job: 7, text: 'shop is gone.' })
  await journal.close(1000)
  const texts = async (...words: string[]) => (await lines('events', ...words)).map((line) => line.slice(21))
  expect(await texts('--app', 'blog')).toEqual(['blog         log was created by ann.'])
  expect(await texts('shop')).toEqual(['shop         shop is gone. (job 7)'])
  await expect(lines('events', 'blok')).rejects.toMatchObject({ code: 'not-found', hint: 'Did you mean blog?' })
  await expect(lines('audit', 'blok')).rejects.toMatchObject({ code: 'not-found', hint: 'Did you mean blog?' })
})
