import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { startStore, type TestStore } from '../state/stores-for-test.ts'
import { createCaller } from './call.ts'
import type { Context } from './command.ts'
import { table } from './index.ts'
import type { Kernel } from './kernel.ts'
import { splitWords } from './words.ts'

/** Names that nobody may have. Those that begin with a dash are options to a shell's user, and refused as such. */
const hostile = [
  ...['', ' ', '.', '..', '../x', '/etc/passwd', 'a/b', 'a\\b', '.git', 'blog.git/../x', '%2e%2e%2fx', '*', '~'],
  ...['-rf', '-', '--', '--x', '--confirm=blog', '--upload-pack=touch /tmp/x', '-oProxyCommand=x'],
  ...['a b', 'a;reboot', '$(reboot)', '`reboot`', "a'b", 'a"b', 'a|b', 'a&b', '<script>alert(1)</script>', '{{7*7}}'],
  ...['a\nb', 'a\rb', 'a\0b', 'a\tb', 'a\x1b[2Jb', '\x1b]0;title\x07', 'a\x1eb', '\u202eevil', '\ufeffa'],
  ...['größe', 'блог', '博客', '😀', 'ａｐｐ', 'a\u0301', '\ud800'],
  ...['__proto__', 'a'.repeat(300), 'é'.repeat(300), 'x'.repeat(200_000), '-'.repeat(300), "'; DROP TABLE apps; --"],
]
/** Those that only an app may not have. */
const forApps = [
  'Blog',
  '1a',
  'a_b',
  'a--b',
  'a-',
  'a.b',
  'megapolos',
  'panel',
  'git',
  'kernel',
  'localhost',
  'internal',
]

/** Each with the place of the name; what is in it otherwise is right. */
const commands: readonly (readonly [words: readonly string[], besides?: readonly string[]])[] = [
  [['apps:create', '?'], forApps],
  [['apps:rename', 'blog', '?'], forApps],
  [['git-receive-pack', '?'], forApps.filter((name) => name !== 'a.b')],
  ...['git-upload-pack', 'apps:info', 'apps:destroy', 'config:show', 'config:export', 'ps:report', 'releases'].map(
    (name) => [[name, '?'], forApps] as const,
  ),
  [['apps:rename', '?', 'other'], forApps],
  [['config:set', '?', 'A=1'], forApps],
  [
    ['config:set', 'blog', '?=1'],
    ['1A', 'A-B', 'A.B', 'A'.repeat(129)],
  ],
  [
    ['config:get', 'blog', '?'],
    ['constructor', 'toString'],
  ],
  [
    ['config:unset', 'blog', '?'],
    ['constructor', 'toString'],
  ],
  [
    ['domains:add', 'blog', '?'],
    [
      'localhost',
      '127.0.0.1',
      '127.1',
      'LOCALHOST.',
      'a..b',
      'a_b.example',
      '-a.example',
      'example.com:80',
      'http://example.com/',
    ],
  ],
  [['domains:set', 'blog', `${'a'.repeat(64)}.example`, '?']],
  [['domains:remove', 'blog', '?']],
  [['domains:set-global', '?'], [`${'a.'.repeat(107)}b`]],
  [['domains:set-canonical', 'blog', '?'], ['a.b/c']],
  [['redirects:add', 'blog', '?', 'example.com'], ['a.b/c']],
  [
    ['redirects:add', 'blog', 'example.com', '?'],
    ['a.b/c', '*.a.b'],
  ],
  [
    ['auth:set', 'blog', '?'],
    ['a:b', 'a'.repeat(65)],
  ],
  [
    ['proxy:set', 'blog', 'largest-body=?'],
    ['0', '-1', '1e9', '99999999999999999999g'],
  ],
  [
    ['proxy:set', 'blog', '?=1'],
    ['constructor', 'key', 'proxy-buffering'],
  ],
  [
    ['proxy:set-global', 'trusted=?'],
    ['0.0.0.0/0', '::/0', '10.0.0.0/7', 'example.com'],
  ],
  [
    ['ps:scale', 'blog', '?=1'],
    ['1a', '_a', 'a.b', 'a'.repeat(31)],
  ],
  [
    ['ps:scale', 'blog', 'web=?'],
    ['-1', '1e9', '0x1', 'NaN', 'Infinity', '101'],
  ],
  [
    ['ps:limit', 'blog', 'web=?'],
    ['1', '-1M', '1T', '99999999999999999999G'],
  ],
  [
    ['keys:add', '?'],
    ['root', 'a'.repeat(64), 'a.', '.a'],
  ],
  [
    ['keys:remove', '?'],
    ['root', 'constructor'],
  ],
  [
    ['releases:info', 'blog', '?'],
    ['v0', '-1', '1.5'],
  ],
  [
    ['builds:info', 'blog', '?'],
    ['0', '1.5', '1e400'],
  ],
  [
    ['jobs:info', '?'],
    ['0', '1.5', '1e400'],
  ],
  [['?'], ['constructor', 'toString', 'apps:nothing']],
]

const publicKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw'

describe('a hostile name', () => {
  let opened: TestStore
  let before: string
  const bugs: string[] = []
  const context: Context = {
    actor: { name: 'tester', role: 'admin', door: 'ssh', from: null },
    emit: () => {},
    input: publicKey,
    tty: false,
    signal: new AbortController().signal,
  }

  /** What a door makes of words before they reach the table. */
  const doors: Readonly<Record<string, (words: readonly string[]) => Promise<unknown>>> = {
    console: (words) => caller().lines(words, context),
    ssh: (words) => Promise.try(() => caller().lines(splitWords(words.map(quoted).join(' ')), context)),
    panel: ([name = '', ...rest]) => caller().value(name, args(name, rest), context),
  }

  /** Only the store is there: whatever else a command reaches for would be a change that was begun. */
  function caller() {
    const begun = (part: string) => new Proxy({}, { get: () => () => Promise.reject(new Error(`reached ${part}`)) })
    const store = { ...opened.store, audit: { add: async () => {} } }
    const kernel = new Proxy({ store } as unknown as Kernel, {
      get: (known, part) => (part in known ? known[part as keyof Kernel] : begun(String(part))),
    })
    const log = createLog((line) => bugs.push(line))
    return createCaller(table, kernel, log)
  }

  async function state(): Promise<string> {
    const { apps, keys, domains, jobs, config } = opened.store
    const [blog] = await apps.list()
    const lists = [apps.list(), keys.list(), domains.list(), jobs.list({ limit: 100 }), config.get(blog?.id ?? '')]
    return JSON.stringify([await domains.global(), ...(await Promise.all(lists))])
  }

  beforeAll(async () => {
    opened = await startStore('sqlite')
    await opened.store.domains.setGlobal('localhost')
    await opened.store.apps.create('blog', 'tester')
    before = await state()
  })
  afterAll(() => opened.stop())

  for (const [door, call] of Object.entries(doors)) {
    test.each(commands.map(([words, more = []]) => [words.join(' '), words, more] as const))(
      `is refused by %s at the ${door}, in one sentence, and nothing is changed`,
      async (_, words, more) => {
        for (const name of [...hostile, ...more]) {
          const typed = words.map((word) => word.replace('?', () => name))
          if (allowed(door, typed, name)) continue
          const failure = await call(typed).then(
            () => ({ code: 'accepted', message: '' }),
            (error) => error,
          )
          const at = JSON.stringify(typed).slice(0, 200)
          expect({ at, code: failure.code }).toEqual({ at, code: expect.stringMatching(/^(usage|not-found)$/) })
          // biome-ignore lint/suspicious/noControlCharactersInRegex: none of these may be in it
          expect({ at, message: failure.message }).toEqual({ at, message: expect.not.stringMatching(/[\x00-\x1f]/) })
          expect(failure.message.length).toBeLessThan(700)
        }
        expect(bugs).toEqual([])
        expect(await state()).toBe(before)
      },
    )
  }
})

/** What is no name at all in that place. */
function allowed(door: string, [command]: readonly string[], name: string): boolean {
  // Pages name commands themselves.
  if (door === 'panel' && !table.names.has(command ?? '')) return true
  // A path below a host.
  if (name === 'a/b' && /^domains:(add|set|remove)$/.test(command ?? '')) return true
  // Nothing at all is as it is without a word.
  if (name === '' && /^(domains:set-canonical|proxy:.*)$/.test(command ?? '')) return true
  // What only ends the options leaves a command as it stands.
  return name === '--'
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}

/** As a form would send them. */
function args(name: string, words: readonly string[]): Record<string, unknown> {
  const positional = table.names.get(name)?.positional ?? []
  const last = positional.at(-1)
  const isList =
    last !== undefined && ['domains', 'vars', 'keys', 'scales', 'limits', 'settings', 'networks'].includes(last)
  return Object.fromEntries(
    positional.flatMap((key, at) =>
      at >= words.length ? [] : [[key, isList && key === last ? words.slice(at) : words[at]]],
    ),
  )
}
