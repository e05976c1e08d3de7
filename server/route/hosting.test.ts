import { expect, test } from 'vitest'
import type { Domain } from '../domain/route.ts'
import type { Rules } from '../domain/routing.ts'
import { hostsOf, type Targets } from './hosting.ts'

const custom = (host: string, app: string, more: Partial<Domain> = {}): Domain => ({
  host,
  app,
  kind: 'custom',
  ...more,
})
const targets: Targets = new Map([
  ['blog', ['10.0.0.2:80']],
  ['shop', ['10.0.1.2:80']],
])
const hosts = (domains: Domain[], rules: Record<string, Rules> = {}, to = targets) =>
  hostsOf(domains, to, new Map(Object.entries(rules)))

test('paths of a host lead to their own apps, the rest of it to the one that has the host', () => {
  const shared = [custom('x.org', 'blog'), custom('x.org', 'shop', { path: '/shop' })]
  expect(hosts(shared)).toEqual({
    'x.org': {
      ...{ app: 'blog', targets: ['10.0.0.2:80'] },
      paths: { '/shop': { app: 'shop', targets: ['10.0.1.2:80'] } },
    },
  })
})

test('a host of which only a path is claimed answers there alone', () => {
  expect(hosts([custom('x.org', 'shop', { path: '/shop' })])['x.org']).toEqual({
    ...{ app: 'shop', targets: [], pathsOnly: true },
    paths: { '/shop': { app: 'shop', targets: ['10.0.1.2:80'] } },
  })
})

test('what an app says counts at all its hosts and paths, and at no other app’s', () => {
  const rules = { shop: { timeout: 5, users: { ann: '$6$a$b' }, maintenance: 'standard', largestBody: 10 } } as const
  const table = hosts(
    [custom('x.org', 'blog'), custom('x.org', 'shop', { path: '/s' }), custom('s.org', 'shop')],
    rules,
  )
  expect(table['x.org']?.paths?.['/s']).toMatchObject(rules.shop)
  expect(table['s.org']).toMatchObject(rules.shop)
  expect(Object.keys(table['x.org'] ?? {})).toEqual(['app', 'targets', 'paths'])
})

test('HSTS is said at the hosts that an app has, not at a path of another one’s, and for no name below them', () => {
  const claims = [custom('x.org', 'blog'), custom('x.org', 'shop', { path: '/s' }), custom('s.org', 'shop')]
  const table = hosts(claims, { shop: { hsts: 86_400 } })
  expect(table['s.org']?.hsts).toBe('max-age=86400')
  expect(table['x.org']).not.toHaveProperty('hsts')
  expect(table['x.org']?.paths?.['/s']).not.toHaveProperty('hsts')
})

test('a redirect keeps its host, and what others have below it', () => {
  const redirect = { to: 'new.org', status: 301 } as const
  const claims = [custom('old.org', 'blog', { kind: 'redirect', redirect }), custom('old.org', 'shop', { path: '/s' })]
  expect(hosts(claims)['old.org']).toMatchObject({ app: 'blog', redirect, paths: { '/s': { app: 'shop' } } })
})

test('all hosts of an app redirect to its canonical one, and nobody else’s', () => {
  const claims = [
    ...[custom('www.x.org', 'blog', { canonical: true }), custom('x.org', 'blog'), custom('*.x.org', 'blog')],
    ...[custom('blog.test', 'blog', { kind: 'default' }), custom('shop.org', 'shop')],
  ]
  const to = Object.fromEntries(Object.entries(hosts(claims)).map(([host, { redirect }]) => [host, redirect?.to]))
  expect(to).toEqual({
    'www.x.org': undefined,
    'shop.org': undefined,
    ...Object.fromEntries(['x.org', '*.x.org', 'blog.test'].map((host) => [host, 'www.x.org'])),
  })
})

test('requests of an app that is held wait, whatever it says about them', () => {
  const held = hosts([custom('x.org', 'blog')], { blog: { timeout: 5 } }, new Map([['blog', 'held']]))
  expect(held['x.org']).toEqual({ app: 'blog', targets: [], held: true, timeout: 5 })
})
