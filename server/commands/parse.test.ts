import { expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { table } from './index.ts'
import { parse } from './parse.ts'
import { splitWords } from './words.ts'

const read = (line: string) => parse(splitWords(line), table)

function refusal(line: string): string {
  try {
    read(line)
  } catch (error) {
    if (error instanceof UserError) return [error.message, error.hint].filter(Boolean).join(' | ')
    throw error
  }
  throw new Error(`${line} was accepted`)
}

test.each([
  ['ps:scale blog web=3 worker=1', { app: 'blog', scales: { web: '3', worker: '1' }, dryRun: false }],
  ['ps:scale blog', { app: 'blog', dryRun: false }],
  ['ps:scale blog web=3 --dry-run', { app: 'blog', scales: { web: '3' }, dryRun: true }],
  [
    'config:set blog A= B="x y" C=a=b --no-restart',
    { app: 'blog', vars: { A: '', B: 'x y', C: 'a=b' }, noRestart: true, dryRun: false },
  ],
  [
    'domains:set blog Example.COM. *.example.com',
    { app: 'blog', domains: ['example.com', '*.example.com'], dryRun: false },
  ],
  ['releases:rollback blog v12', { app: 'blog', version: 12, without: [], dryRun: false }],
  ['rollback blog 12', { app: 'blog', version: 12, without: [], dryRun: false }],
  ['logs blog -t -n 20 -p web.1', { app: 'blog', num: 20, tail: true, process: 'web.1' }],
  ['logs blog --num=5', { app: 'blog', num: 5, tail: false }],
  ['run blog ls -l --all', { app: 'blog', command: ['ls', '-l', '--all'] }],
  ['enter blog', { app: 'blog', container: 'web.1', command: ['/bin/sh'] }],
  ['enter blog worker.1 ps -ef', { app: 'blog', container: 'worker.1', command: ['ps', '-ef'] }],
  ['apps:destroy blog --confirm blog', { app: 'blog', confirm: 'blog', dryRun: false }],
  ["git-receive-pack '/blog.git'", { repository: 'blog' }],
])('%s is read as it was meant', (line, args) => {
  expect(read(line).args).toEqual(args)
})

test.each(['domains:set --help', 'domains:set blog --help', 'run --help'])('%s is the help of that command', (line) => {
  expect(read(line)).toMatchObject({ row: { name: 'help' }, args: { about: line.split(' ')[0] } })
})

test('an option after the command of run is for that command', () => {
  expect(read('run blog ls --help').row.name).toBe('run')
})

test('an empty line is help', () => {
  expect(read('').row.name).toBe('help')
})

test.each([
  ['app:list', 'There is no command “app:list”. | Did you mean apps:list?'],
  ['xyzzy-plugh', 'There is no command “xyzzy-plugh”. | Type help to see all of them.'],
  ['apps:create', 'apps:create needs <app>. | Usage: apps:create <app>'],
  [
    'apps:create Blog',
    'An app cannot be called “Blog”: it may only have lower-case letters, digits and single hyphens, and starts with a letter. Try blog. | Usage: apps:create <app>',
  ],
  [
    'apps:create panel',
    'An app cannot be called “panel”: it is a name of the server itself. Try panel-app. | Usage: apps:create <app>',
  ],
  ['apps:list extra', 'apps:list does not take “extra”. | Usage: apps:list'],
  [
    'ps:scale blog web=1 --dry-rum',
    'ps:scale has no option --dry-rum. Did you mean --dry-run? | Usage: ps:scale <app> [<scale>...] [--dry-run]',
  ],
  ['logs blog --num', '--num needs a value. | Usage: logs <app> [--num <num>] [--tail] [--process <process>]'],
  ['config:set blog', 'config:set needs <var>. | Usage: config:set <app> <var>... [--no-restart] [--dry-run]'],
  [
    'config:set blog A',
    '“A” has no value; type A=VALUE. | Usage: config:set <app> <var>... [--no-restart] [--dry-run]',
  ],
  [
    'config:set blog 1A=2',
    '“1A” cannot be a config var: at most 128 letters, digits and _, not starting with a digit. | Usage: config:set <app> <var>... [--no-restart] [--dry-run]',
  ],
  [
    'domains:set blog https://example.com/x',
    '“https://example.com/x” is a URL; type only the name: example.com. | Usage: domains:set <app> <domain>... [--dry-run]',
  ],
  [
    'domains:set blog *.com',
    '“*.com” covers a whole top-level domain. | Usage: domains:set <app> <domain>... [--dry-run]',
  ],
  ['apps:list --format xml', '--format is xml; it must be text or json.'],
  [
    'releases:rollback blog latest',
    'A release is named like v3. | Usage: releases:rollback <app> [<version>] [--without <without>] [--dry-run]',
  ],
])('%s is refused with what to type instead', (line, message) => {
  expect(refusal(line)).toBe(message)
})

test('a name of 300 characters is refused in one short sentence', () => {
  expect(refusal(`apps:create ${'a'.repeat(300)}`).length).toBeLessThan(250)
})
