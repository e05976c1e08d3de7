import { describe, expect, test } from 'vitest'
import { addressOf, loopIn, parseAddress, partsOf, sharing } from './claims.ts'
import type { Domain } from './route.ts'

const redirect = (host: string, to: string, app = 'a'): Domain => ({
  ...{ host, app, kind: 'redirect', redirect: { to, status: 301 } },
})
const custom = (host: string, app = 'a', path?: string): Domain => ({
  host,
  app,
  kind: 'custom',
  ...(path && { path }),
})

describe('an address', () => {
  test.each([
    ['Example.COM', 'example.com'],
    ['example.com./', 'example.com'],
    ['example.com/api', 'example.com/api'],
    ['*.Example.com/V1/users/', '*.example.com/V1/users'],
    ['example.com/.well-known/x', 'example.com/.well-known/x'],
  ])('%s is %s', (text, address) => {
    expect(parseAddress(text)).toEqual({ address })
    expect(addressOf(partsOf(address))).toBe(address)
  })

  test.each([
    ...['https://example.com/api', 'example.com//api', 'example.com/a/../b', 'example.com/a/./b', 'example.com/a b'],
    ...[
      'example.com/%61',
      'example.com/a?b',
      'example.com:80/a',
      '/api',
      'example.com/ä',
      `example.com/${'a'.repeat(201)}`,
    ],
  ])('%s is none', (text) => {
    expect(parseAddress(text)).toHaveProperty('problem')
  })
})

test('who shares a host is found by its paths, and an app never shares with itself', () => {
  const all = [custom('x.org', 'a'), custom('x.org', 'b', '/b'), custom('y.org', 'b')]
  expect(sharing(all, 'b', ['x.org/b2']).map(({ app }) => app)).toEqual(['a'])
  expect(sharing(all, 'a', ['x.org', 'z.org']).map(({ app }) => app)).toEqual(['b'])
})

test('below the wildcard of another app one shares its name, however deep, and not above it', () => {
  const all = [custom('*.x.org', 'a'), custom('*.b.x.org', 'b')]
  const shared = (...addresses: string[]) => sharing(all, 'c', addresses).map(({ app }) => app)
  expect(shared('login.x.org/at')).toEqual(['a'])
  expect(shared('c.b.x.org')).toEqual(['a', 'b'])
  expect(shared('*.c.x.org')).toEqual(['a'])
  expect(shared('x.org', '*.org', 'y.org')).toEqual([])
})

describe('redirects', () => {
  test.each([
    ['to each other', [redirect('a.org', 'b.org'), redirect('b.org', 'a.org')]],
    ['around three', [redirect('a.org', 'b.org'), redirect('b.org', 'c.org', 'b'), redirect('c.org', 'a.org')]],
    ['below a wildcard that catches them again', [redirect('*.a.org', 'www.a.org')]],
    ['through a wildcard', [redirect('b.org', 'x.a.org'), redirect('*.a.org', 'b.org')]],
  ])('%s loop', (_, domains) => expect(loopIn(domains)).not.toBeNull())

  test.each([
    ['to a host that an app has', [redirect('*.a.org', 'www.a.org'), custom('www.a.org')]],
    ['to somewhere else', [redirect('a.org', 'elsewhere.net'), redirect('b.org', 'a.org')]],
    ['from a wildcard to the name above', [redirect('*.a.org', 'a.org')]],
  ])('%s do not', (_, domains) => expect(loopIn(domains)).toBeNull())
})
