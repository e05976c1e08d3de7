/** What is typed about domains and requests, and what the proxy is then told. The proxy and the queue of jobs are played. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Parts } from '../changes/change.ts'
import type { ProxyDriver } from '../devices/classes/proxy.ts'
import type { Actor } from '../domain/access.ts'
import type { RouteTable } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import { createLog } from '../log.ts'
import { createPipeline } from '../pipeline.ts'
import { createRoutes, type Routes } from '../route/routes.ts'
import { startStore, type TestStore } from '../state/stores-for-test.ts'
import { type Caller, createCaller } from './call.ts'
import { table } from './index.ts'
import type { Kernel } from './kernel.ts'

const log = createLog(() => {})
let opened: TestStore
let empty: string
let routes: Routes
let caller: Caller
let tables: RouteTable[]
let shownPages: string[]
let refuses: (table: RouteTable) => boolean
let told: string[]

beforeAll(async () => {
  opened = await startStore('sqlite')
  empty = `${opened.folder}/empty`
  await opened.store.backup(empty)
})
afterAll(() => opened.stop())

beforeEach(async () => {
  const { store } = opened
  await store.restore(empty)
  ;[tables, shownPages, told] = [[], [], []]
  refuses = () => false
  setUpKernel()
  for (const app of ['blog', 'shop']) await store.apps.create(app, 'ann')
  await switchAll()
  return () => routes.stop()
})

function setUpKernel(): void {
  const { store } = opened
  const proxy = {
    async apply(next, parts) {
      if (refuses(next)) throw new UserError('refused', 'The routing table does not fit into the proxy.')
      for (const { maintenance } of Object.values(next.hosts))
        if (maintenance && maintenance !== 'standard') shownPages.push((await parts?.(maintenance)) ?? '')
      return String(tables.push(next))
    },
  } as ProxyDriver
  routes = createRoutes({
    ...{ ...store, challenges: new Map(), gitPort: 1, panelPort: 1, proxy: () => proxy, log, compareEvery: 60_000 },
    openLinks: async () => [],
  })
  const jobs = {
    run: async (_: unknown, work: (job: unknown) => Promise<{ value: unknown }>) =>
      (await work({ emit: () => {}, did: () => {}, commit: () => {} })).value,
  }
  const journal = { record: ({ text }: { text: string }) => told.push(text) }
  const pipeline = createPipeline({
    store,
    pool: '10.64.0.0/12',
    routes,
    jobs,
    journal,
    settle: () => {},
  } as unknown as Parts)
  caller = createCaller(table, { store, pipeline, routes } as unknown as Kernel, log)
}

async function switchAll(): Promise<void> {
  await routes.switchAll({ [await idOf('blog')]: ['10.0.0.2:80'], [await idOf('shop')]: ['10.0.1.2:80'] })
}

const idOf = async (app: string) => (await opened.store.apps.get(app)).id
const host = (name: string) => tables.at(-1)?.hosts[name]
const targets = (name: string) => host(name)?.targets

async function type(line: string, { input = '', apps }: { input?: string; apps?: string[] } = {}): Promise<string> {
  const actor: Actor = { name: 'ci', role: 'deployer', door: 'http', from: null, ...(apps && { apps }) }
  const signal = new AbortController().signal
  return (await caller.lines(line.split(' '), { actor, emit: () => {}, input, tty: false, signal })).join('\n')
}

test('a domain of another app is refused naming it, and how to take it; a dry run says from whom', async () => {
  await type('domains:add blog example.com www.example.com')
  await expect(type('domains:add shop example.com')).rejects.toMatchObject({
    code: 'conflict',
    message: 'example.com is already a domain of the app blog.',
    hint: 'Take it from there: domains:add shop example.com --take',
  })
  expect(await type('domains:add shop example.com new.org --take --dry-run')).toBe(
    'Would do:\n  move example.com from blog to shop\n  route new.org to shop',
  )
  expect(targets('example.com')).toEqual(['10.0.0.2:80'])
})

test('an app has at most 500 addresses, since the table is for all apps; a wildcard counts as one', async () => {
  const many = Array.from({ length: 499 }, (_, n) => `n${n}.example.com`)
  await type(`domains:set blog ${many.join(' ')}`)
  const tooMany = {
    code: 'refused',
    message: 'blog would have 501 domains, paths and redirects; an app may have 500.',
    hint: "Let a wildcard answer for many: domains:add blog '*.example.com'",
  }
  await expect(type('domains:add blog example.com')).rejects.toMatchObject(tooMany)
  await expect(type('redirects:add blog example.org example.com')).rejects.toMatchObject(tooMany)
  await type('domains:set blog *.example.com')
  expect(targets('any.example.com')).toBeUndefined()
  expect(targets('*.example.com')).toEqual(['10.0.0.2:80'])
})

test('taken, it leads to the other app with the very next table, and both are told', async () => {
  await type('domains:add blog example.com www.example.com')
  const before = tables.length
  expect(await type('domains:add shop example.com --take')).toBe('shop answers at example.com.')
  expect(tables.length - before).toBe(1)
  expect([targets('example.com'), targets('www.example.com')]).toEqual([['10.0.1.2:80'], ['10.0.0.2:80']])
  expect(told.at(-1)).toBe('example.com moved from blog to shop, by ci.')
})

test('a default domain is not taken, and a token for one app takes nothing from another', async () => {
  await type('domains:add blog example.com')
  await expect(type('domains:add shop blog.localhost --take')).rejects.toMatchObject({
    ...{ code: 'conflict', message: 'blog.localhost follows the name of the app blog; it cannot be taken.' },
  })
  const apps = [await idOf('shop')]
  const refusal = { code: 'forbidden', message: 'example.com is a domain of the app blog, which ci may not change.' }
  await expect(type('domains:add shop example.com --take', { apps })).rejects.toMatchObject(refusal)
  await expect(type('domains:add shop example.com/shop', { apps })).rejects.toMatchObject(refusal)
  await expect(type('redirects:add shop old.org example.org', { apps })).resolves.toBe(
    'old.org redirects to example.org.',
  )
  expect(targets('example.com')).toEqual(['10.0.0.2:80'])
})

test('a path leads to its own app, and is listed, kept and taken away like a domain', async () => {
  await type('domains:add blog example.com')
  await type('domains:add shop example.com/shop/ other.org/only')
  expect(host('example.com')).toMatchObject({
    targets: ['10.0.0.2:80'],
    paths: { '/shop': { targets: ['10.0.1.2:80'] } },
  })
  expect(host('other.org')).toMatchObject({ pathsOnly: true, targets: [] })
  expect(await type('domains:report shop')).toMatch(/^example\.com\/shop +shop +custom/m)
  await expect(type('domains:add blog example.com/shop')).rejects.toMatchObject({ message: /of the app shop\.$/ })
  await type('domains:remove shop example.com/shop')
  expect(host('example.com')).not.toHaveProperty('paths')
})

test('the other domains of an app redirect to its canonical one until that is reset, or gone', async () => {
  await type('domains:add blog example.com www.example.com')
  expect(await type('domains:set-canonical blog www.example.com')).toBe(
    'The other domains of blog redirect to www.example.com.',
  )
  expect(host('example.com')?.redirect).toEqual({ to: 'www.example.com', status: 308 })
  expect(host('www.example.com')).not.toHaveProperty('redirect')
  expect(await type('domains:report blog')).toMatch(/^example\.com +blog +custom +www\.example\.com$/m)
  await type('domains:remove blog www.example.com')
  expect(host('example.com')).not.toHaveProperty('redirect')
  await type('domains:set-canonical blog example.com')
  await type('domains:set-canonical blog')
  expect(host('blog.localhost')).not.toHaveProperty('redirect')
  await expect(type('domains:set-canonical blog shop.localhost')).rejects.toMatchObject({ code: 'not-found' })
})

test('a redirected host is held: nobody can have it, and it can be led elsewhere', async () => {
  expect(await type('redirects:add blog old.org new.org --status 302')).toBe('old.org redirects to new.org.')
  await type('redirect:set blog old.org newer.org 307')
  expect(host('old.org')?.redirect).toEqual({ to: 'newer.org', status: 307 })
  await expect(type('domains:add shop old.org')).rejects.toMatchObject({ message: /of the app blog\.$/ })
  await expect(type('domains:add blog old.org')).rejects.toMatchObject({
    hint: 'Take the redirect away first: redirects:remove blog old.org',
  })
  await expect(type('redirects:add shop old.org x.org')).rejects.toMatchObject({ message: /of the app blog\.$/ })
  await expect(type('redirects:add shop blog.localhost x.org')).rejects.toMatchObject({ code: 'conflict' })
  expect(await type('redirects:list blog')).toMatch(/^old\.org +newer\.org +307$/m)
  await type('redirect:unset blog old.org')
  await type('domains:add shop old.org')
  await expect(type('redirects:remove blog old.org')).rejects.toMatchObject({ code: 'not-found' })
})

test('redirects that would never end are refused, also when a domain goes that ended them', async () => {
  await type('redirects:add blog a.org b.org')
  await expect(type('redirects:add shop b.org a.org')).rejects.toMatchObject({
    code: 'conflict',
    message: /back to itself/,
  })
  await expect(type('redirects:add shop c.org c.org')).rejects.toMatchObject({ code: 'conflict' })
  await type('domains:add shop www.x.org')
  await type('redirects:add blog *.x.org www.x.org')
  await expect(type('domains:remove shop www.x.org')).rejects.toMatchObject({ code: 'conflict' })
  expect(targets('www.x.org')).toEqual(['10.0.1.2:80'])
})

test('limits are set, read as fingers know them, and reset by an empty value', async () => {
  await type('proxy:set blog largest-body=10m timeout=2m hsts=on')
  expect(host('blog.localhost')).toMatchObject({ largestBody: 10 * 2 ** 20, timeout: 120, hsts: 'max-age=31536000' })
  await type('nginx:set blog client-max-body-size 20m')
  expect(await type('proxy:set blog timeout= hsts=off --dry-run')).toBe(
    'Would do:\n  set timeout of blog to 60s\n  set hsts of blog to off',
  )
  await type('proxy:set blog timeout= hsts=off')
  await type('nginx:set blog proxy-read-timeout')
  expect(host('blog.localhost')).toEqual({
    app: await idOf('blog'),
    targets: ['10.0.0.2:80'],
    largestBody: 20 * 2 ** 20,
  })
  expect(await type('proxy:report blog')).toMatch(/^blog +20m +60s +off +no +off$/m)
  await expect(type('proxy:set blog speed=9')).rejects.toMatchObject({
    code: 'usage',
    message: /largest-body, timeout, hsts/,
  })
  await expect(type('proxy:set blog timeout=soon')).rejects.toMatchObject({ message: /type one such as timeout=120s/ })
})

test('a password is made and shown once, or comes on standard input; the proxy and the audit log only see a hash, or nothing', async () => {
  const shown = await type('auth:set blog ann')
  const password = shown.split('\n').at(-1)?.trim() ?? ''
  expect(password).toHaveLength(20)
  expect(await type('auth:set blog bob --password-stdin', { input: 'hunter2\n' })).not.toContain('hunter2')
  const users = host('blog.localhost')?.users ?? {}
  expect(Object.keys(users)).toEqual(['ann', 'bob'])
  for (const hash of Object.values(users)) expect(hash).toMatch(/^\$6\$[^$]+\$[^$]{86}$/)
  expect(await type('auth:list blog')).toBe('USER\nann\nbob')
  await expect.poll(async () => (await opened.store.audit.list({ limit: 10 })).length).toBe(2)
  expect(JSON.stringify(await opened.store.audit.list({ limit: 10 }))).not.toMatch(new RegExp(`hunter2|${password}`))

  await type('auth:remove blog ann')
  await expect(type('auth:remove blog ann')).rejects.toMatchObject({ code: 'not-found' })
  expect(await type('auth:remove blog bob')).toBe('blog asks for no password any more.')
  expect(host('blog.localhost')).not.toHaveProperty('users')
})

test.each(['', '\n', 'a\nb', 'x'.repeat(129)])('%j is no password', async (input) => {
  await expect(type('auth:set blog ann --password-stdin', { input })).rejects.toMatchObject({ code: 'usage' })
})

test('standard input is only asked for when it is announced, so that nobody at a terminal waits for nothing', () => {
  const actor: Actor = { name: 'ci', role: 'deployer', door: 'ssh', from: null }
  const asked = (line: string) => caller.expects(line.split(' '), actor)?.what
  expect(asked('maintenance:on blog')).toBeUndefined()
  expect(asked('maintenance:on blog --page')).toBe('a page of HTML')
  expect(asked('auth:set blog ann')).toBeUndefined()
  expect(asked('auth:set blog ann --password-stdin')).toBe('the password')
})

test('maintenance is on with the proxy’s page or an own one, and off', async () => {
  await type('maintenance:on blog')
  expect(host('blog.localhost')?.maintenance).toBe('standard')
  await type('maintenance:enable blog --page', { input: '<h1>Back at noon</h1>' })
  expect(host('blog.localhost')?.maintenance).toMatch(/^[0-9a-f]{32}$/)
  expect(shownPages.at(-1)).toBe('<h1>Back at noon</h1>')
  expect(await type('maintenance')).toMatch(/^blog +on +its own\nshop +off/m)
  expect(host('shop.localhost')).not.toHaveProperty('maintenance')
  await type('maintenance:off blog')
  expect(host('blog.localhost')).not.toHaveProperty('maintenance')
  await expect(type('maintenance:on blog --page')).rejects.toMatchObject({ code: 'usage' })
  await expect(type('maintenance:on blog --page', { input: 'ä'.repeat(33_000) })).rejects.toMatchObject({
    code: 'usage',
  })
})

test('a kernel that starts again says the same of requests and hosts', async () => {
  await type('maintenance:on blog --page', { input: '<p>later' })
  await type('auth:set shop ann')
  await type('domains:add shop blog.localhost/shop')
  const before = tables.at(-1)
  setUpKernel()
  await switchAll()
  expect(tables.at(-1)).toEqual(before)
  expect(shownPages.at(-1)).toBe('<p>later')
})

test('another name of the app keeps everything, and an app that is gone leaves nothing behind', async () => {
  await type('maintenance:on blog')
  await type('redirects:add blog old.org blog.localhost')
  await type('domains:set-canonical blog blog.localhost')
  await type('apps:rename blog journal')
  expect(host('journal.localhost')).toMatchObject({ maintenance: 'standard' })
  expect(host('old.org')?.redirect?.to).toBe('journal.localhost')
  await opened.store.apps.destroy(await idOf('journal'))
  await routes.refresh()
  expect(Object.keys(tables.at(-1)?.hosts ?? {})).toEqual(['git.localhost', 'panel.localhost', 'shop.localhost'])
})

test('trusted proxies are networks, and an admin’s business', async () => {
  const kernel = (line: string) =>
    caller.lines(line.split(' '), {
      ...{ actor: { name: 'root', role: 'admin', door: 'console', from: null }, emit: () => {}, input: '', tty: false },
      signal: new AbortController().signal,
    })
  await kernel('proxy:set-global trusted=10.0.0.0/24,192.0.2.7')
  expect(tables.at(-1)?.trusted).toEqual(['10.0.0.0/24', '192.0.2.7'])
  for (const wide of ['10.0.0.0/8', '10.64.3.2'])
    await expect(kernel(`proxy:set-global trusted=192.0.2.8,${wide}`)).rejects.toThrow('addresses of apps')
  await expect(kernel('proxy:set-global trusted=0.0.0.0/0')).rejects.toMatchObject({ code: 'usage' })
  await expect(type('proxy:set-global trusted=')).rejects.toMatchObject({ code: 'forbidden' })
  await kernel('proxy:set-global trusted=')
  expect(tables.at(-1)).not.toHaveProperty('trusted')
})

test('what the proxy refuses is taken back, of every app that it was about, and said', async () => {
  await type('domains:add blog example.com')
  await type('proxy:set blog timeout=5')
  const before = [await opened.store.domains.list(), await opened.store.routing.list()]
  refuses = (next) =>
    next.hosts['example.com']?.app !== host('example.com')?.app || JSON.stringify(next).includes('"largestBody"')
  for (const line of ['domains:add shop example.com --take', 'proxy:set blog largest-body=1m timeout=9'])
    await expect(type(line)).rejects.toMatchObject({
      code: 'refused',
      message: 'The proxy refused it, so nothing was changed: The routing table does not fit into the proxy.',
    })
  expect([await opened.store.domains.list(), await opened.store.routing.list()]).toEqual(before)
  await type('maintenance:on shop')
  expect(host('example.com')).toMatchObject({ targets: ['10.0.0.2:80'], timeout: 5 })
})

test('a global domain that the proxy refuses is taken back', async () => {
  const root = { actor: { name: 'root', role: 'admin', door: 'console', from: null }, input: '', tty: false } as const
  const set = (name: string) =>
    caller.lines(['domains:set-global', name], { ...root, emit: () => {}, signal: new AbortController().signal })
  refuses = ({ hosts }) => hosts['blog.example.org'] !== undefined
  await expect(set('example.org')).rejects.toMatchObject({ code: 'refused' })
  expect(await opened.store.domains.global()).toBe('localhost')
  await set('example.net')
  expect(targets('blog.example.net')).toEqual(['10.0.0.2:80'])
})

test('changes of many apps at once are made one after the other, and none is lost', async () => {
  await Promise.all([
    ...Array.from({ length: 10 }, (_, n) => type(`redirects:add blog r${n}.org r${n + 1}.org`)),
    ...Array.from({ length: 10 }, (_, n) => type(`domains:add shop d${n}.org`)),
    type('maintenance:on shop'),
  ])
  expect(Object.keys(tables.at(-1)?.hosts ?? {})).toHaveLength(2 + 2 + 20)
  const both = await Promise.allSettled([
    type('redirects:add blog x.org y.org'),
    type('redirects:add shop y.org x.org'),
  ])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
})
