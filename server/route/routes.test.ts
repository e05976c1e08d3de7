import { afterEach, expect, test } from 'vitest'
import { certificateFor } from '../certificates/certificate-for-test.ts'
import type { ProxyDriver } from '../devices/classes/proxy.ts'
import type { Certificate } from '../domain/certificate.ts'
import type { OpenLink } from '../domain/link.ts'
import type { Domain, Parts, RouteTable } from '../domain/route.ts'
import type { Rules } from '../domain/routing.ts'
import { UserError } from '../errors.ts'
import { createLog } from '../log.ts'
import { createRoutes, type Routes } from './routes.ts'

/** A proxy that keeps every table it was given, and fails or waits as told. */
class FakeProxy {
  readonly tables: RouteTable[] = []
  readonly texts: string[] = []
  failure: Error | null = null
  /** Tables that do not fit. */
  refuses: (table: RouteTable) => boolean = () => false
  gate: Promise<void> = Promise.resolve()
  tries = 0
  asked = 0
  used: string | null = null
  readonly driver = {
    apply: async (table: RouteTable, parts: Parts) => {
      this.tries += 1
      await this.gate
      if (this.failure) throw this.failure
      if (this.refuses(table)) throw new UserError('refused', 'x.test: its page cannot be shown.')
      for (const { certificate } of Object.values(table.hosts))
        if (certificate) this.texts.push(await parts(certificate))
      this.used = String(this.tables.push(table))
      return this.used
    },
    status: async () => {
      this.asked += 1
      return { running: this.failure === null, hosts: 0, requests: 0, table: this.used }
    },
    inflight: async (targets: readonly string[]) => Object.fromEntries(targets.map((target) => [target, 7])),
  } as unknown as ProxyDriver

  targetsOf(host: string) {
    return this.tables.at(-1)?.hosts[host]?.targets
  }
}

const away = new UserError('unavailable', 'The proxy does not answer.')
let routes: Routes
afterEach(() => routes.stop())

function setUp() {
  const proxy = new FakeProxy()
  const domains: Domain[] = [
    { host: 'a.test', app: 'a', kind: 'default' },
    { host: 'b.test', app: 'b', kind: 'default' },
  ]
  const global = { name: 'test' }
  const links: OpenLink[] = []
  const rules = new Map<string, Rules>()
  const certificates: Certificate[] = []
  const challenges = new Map<string, string>()
  routes = createRoutes({
    domains: { list: async () => [...domains], global: async () => global.name },
    routing: { list: async () => new Map(rules), trusted: async () => [], page: async (id) => `page ${id}` },
    certificates: {
      list: async () => [...certificates],
      without: async () => [],
      pair: async () => ({ chain: 'chain', key: 'key' }),
    },
    challenges,
    openLinks: async () => [...links],
    gitPort: 9181,
    panelPort: 9180,
    proxy: () => proxy.driver,
    log: createLog(() => {}),
    retryAfter: 10,
    compareEvery: 10,
  })
  return { proxy, domains, links, global, rules, certificates, challenges }
}

test('nothing is pushed before the targets of all apps are known', async () => {
  const { proxy } = setUp()
  await routes.refresh()
  await expect(routes.switchTo('a', ['1:1'])).rejects.toMatchObject({ code: 'unavailable' })
  await expect(routes.ready()).rejects.toMatchObject({ code: 'unavailable' })
  expect(proxy.tries).toBe(0)
  await routes.switchAll({ a: ['1:1'] })
  expect(proxy.targetsOf('a.test')).toEqual(['1:1'])
  expect(proxy.targetsOf('b.test')).toEqual([])
})

test('a switch changes one app and leaves the others', async () => {
  const { proxy } = setUp()
  await routes.switchAll({ a: ['1:1'], b: ['2:2'] })
  await routes.switchTo('a', ['3:3'])
  expect(proxy.targetsOf('a.test')).toEqual(['3:3'])
  expect(proxy.targetsOf('b.test')).toEqual(['2:2'])
})

test('many switches at once make few pushes, and each resolves only when its own change is used', async () => {
  const { proxy } = setUp()
  await routes.switchAll({})
  const before = proxy.tables.length
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const app = index % 2 === 0 ? 'a' : 'b'
      await routes.switchTo(app, [`1:${index}`])
      const used = proxy.targetsOf(`${app}.test`)?.[0]
      expect(Number(used?.slice(2))).toBeGreaterThanOrEqual(index)
    }),
  )
  expect(proxy.tables.length - before).toBeLessThanOrEqual(2)
})

test('a change made while a push is on its way is in the next one', async () => {
  const { proxy } = setUp()
  await routes.switchAll({})
  let open = () => {}
  proxy.gate = new Promise((resolve) => {
    open = resolve
  })
  const first = routes.switchTo('a', ['1:1'])
  while (proxy.tries < 2) await new Promise((resolve) => setImmediate(resolve))
  const second = routes.switchTo('b', ['2:2'])
  open()
  await first
  expect(proxy.targetsOf('b.test')).toEqual([])
  await second
  expect(proxy.targetsOf('b.test')).toEqual(['2:2'])
})

test('domains that changed are read again', async () => {
  const { proxy, domains } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  domains.push({ host: 'new.test', app: 'a', kind: 'custom' })
  await routes.refresh()
  expect(proxy.targetsOf('new.test')).toEqual(['1:1'])
})

test('an app that others may call is in the table by its name, with where it runs now and who they are', async () => {
  const { proxy, links } = setUp()
  await routes.switchAll({ b: ['2:2'] })
  links.push({ name: 'books', target: 'b', from: '10.64.0.0/24' }, { name: 'books', target: 'b', from: '10.64.7.0/24' })
  await routes.refresh()
  const from = ['10.64.0.0/24', '10.64.7.0/24']
  const internal = () => proxy.tables.at(-1)?.internal
  expect(internal()).toEqual({ 'books.internal': { app: 'b', targets: ['2:2'], from } })
  await routes.switchTo('b', ['3:3'])
  expect(internal()).toEqual({ 'books.internal': { app: 'b', targets: ['3:3'], from } })
  await routes.hold('b')
  expect(internal()).toEqual({ 'books.internal': { app: 'b', targets: [], held: true, from } })
  links.length = 0
  await routes.refresh()
  expect(internal()).toEqual({})
})

test('maintenance of an app is for those who call it too, and its passwords are not', async () => {
  const { proxy, links, rules } = setUp()
  rules.set('b', { maintenance: 'standard', users: { ann: '$6$x' }, timeout: 5, hsts: 60 })
  links.push({ name: 'books', target: 'b', from: '10.64.0.0/24' })
  await routes.switchAll({ b: ['2:2'] })
  expect(proxy.tables.at(-1)?.internal?.['books.internal']).toEqual({
    ...{ app: 'b', targets: ['2:2'], from: ['10.64.0.0/24'] },
    ...{ maintenance: 'standard', timeout: 5 },
  })
})

test('an app that is forgotten loses its targets', async () => {
  const { proxy } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  await routes.forget('a')
  expect(proxy.targetsOf('a.test')).toEqual([])
})

test('while the proxy is away a switch is unavailable, and the newest table is pushed when it is back', async () => {
  const { proxy } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  proxy.failure = away
  await expect(routes.switchTo('a', ['2:2'])).rejects.toBe(away)
  await expect(routes.switchTo('a', ['3:3'])).rejects.toBe(away)
  await expect(routes.ready()).rejects.toMatchObject({ code: 'unavailable' })
  proxy.failure = null
  const tables = proxy.tables.length
  await until(() => proxy.tables.length > tables)
  expect(proxy.targetsOf('a.test')).toEqual(['3:3'])
  await routes.ready()
})

test('a proxy that was started again with an older table, or with none, gets the newest one', async () => {
  const { proxy } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  await routes.switchTo('a', ['2:2'])
  for (const saved of ['1', null]) {
    const before = proxy.tables.length
    proxy.used = saved
    await until(() => proxy.tables.length > before)
    expect(proxy.targetsOf('a.test')).toEqual(['2:2'])
  }
  // It uses that one now, so nothing more is pushed.
  const pushed = proxy.tables.length
  const asked = proxy.asked
  await until(() => proxy.asked > asked + 2)
  expect(proxy.tables.length).toBe(pushed)
})

test('a change that does not fit is taken back, so that others can be made', async () => {
  const { proxy } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  proxy.failure = new UserError('refused', 'The routing table does not fit into the proxy.')
  await expect(routes.switchTo('a', ['2:2'])).rejects.toMatchObject({ code: 'refused' })
  expect(routes.table().hosts['a.test']?.targets).toEqual(['1:1'])
})

test('a setting that the proxy refuses is told to whoever made it, and does not keep others from switching', async () => {
  const { proxy, rules } = setUp()
  await routes.switchAll({ a: ['1:1'], b: ['1:2'] })
  proxy.refuses = ({ hosts }) => hosts['a.test']?.maintenance !== undefined
  rules.set('a', { maintenance: 'standard', timeout: 5 })
  const [refreshed, switched] = await Promise.allSettled([routes.refresh(), routes.switchTo('b', ['2:2'])])
  expect(refreshed).toMatchObject({ status: 'rejected', reason: { code: 'refused' } })
  expect(switched.status).toBe('fulfilled')
  expect(proxy.targetsOf('b.test')).toEqual(['2:2'])
  expect(proxy.tables.at(-1)?.hosts['a.test']?.timeout).toBeUndefined()

  // Taken back, it is as if nobody had tried.
  rules.set('a', { timeout: 5 })
  await routes.refresh()
  expect(proxy.tables.at(-1)?.hosts['a.test']).toMatchObject({ timeout: 5, targets: ['1:1'] })
})

test('what is said about requests is pushed as it changes', async () => {
  const { proxy, rules } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  rules.set('a', { largestBody: 1000 })
  await routes.refresh()
  expect(proxy.tables.at(-1)?.hosts['a.test']?.largestBody).toBe(1000)
})

test('counts of requests in flight come from the proxy', async () => {
  setUp()
  expect(await routes.inflight(['1:1'])).toEqual({ '1:1': 7 })
})

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

test('the git door follows the global domain', async () => {
  const { proxy, global } = setUp()
  await routes.switchAll({})
  expect(proxy.targetsOf('git.test')).toEqual(['127.0.0.1:9181'])
  global.name = 'example.com'
  await routes.refresh()
  expect(proxy.targetsOf('git.example.com')).toEqual(['127.0.0.1:9181'])
  expect(proxy.targetsOf('git.test')).toBeUndefined()
})

test('whoever has something to show can wait until the proxy has a table that it is in', async () => {
  const { proxy } = setUp()
  const seen: string[] = []
  const waiting = routes.started.then(() => seen.push('started'))
  await routes.refresh()
  proxy.failure = away
  await expect(routes.switchAll({})).rejects.toBe(away)
  expect(seen).toEqual([])
  proxy.failure = null
  await routes.refresh()
  await waiting
})

test('a certificate that came is in the table, with its text where the proxy can ask for it; a challenge as well', async () => {
  const { proxy, certificates, challenges } = setUp()
  await routes.switchAll({ a: ['1:1'] })
  certificates.push(certificateFor('a', ['a.test']))
  challenges.set('token', 'answer')
  await routes.refresh()
  expect(proxy.tables.at(-1)).toMatchObject({
    hosts: { 'a.test': { targets: ['1:1'], certificate: 'a.test', secure: true } },
    challenges: { token: 'answer' },
  })
  expect(proxy.tables.at(-1)?.hosts['b.test']).toEqual({ app: 'b', targets: [] })
  expect(proxy.texts).toEqual(['chain\nkey\n'])
})
