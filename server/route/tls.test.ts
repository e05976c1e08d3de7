import { expect, test } from 'vitest'
import { certificateFor } from '../certificates/certificate-for-test.ts'
import type { Certificate } from '../domain/certificate.ts'
import type { Domain } from '../domain/route.ts'
import { servedWith, withTls } from './tls.ts'

const now = new Date('2026-02-01T00:00:00Z')
const domain = (host: string, app: string, more: Partial<Domain> = {}): Domain => ({
  host,
  app,
  kind: 'custom',
  ...more,
})

const certificatesFor = (domains: readonly Domain[], certificates: readonly Certificate[]) =>
  servedWith({ domains, certificates, without: ['plain'], global: 'example.org' }, now)
/** What each host is served with. */
const served = (domains: readonly Domain[], certificates: readonly Certificate[]) =>
  Object.fromEntries(certificatesFor(domains, certificates))

test('a certificate serves the hosts that it names, and a star one label below', () => {
  const hosts = ['example.com', 'www.example.com', 'a.b.example.com', '*.example.com']
  const domains = hosts.map((host) => domain(host, 'blog'))
  expect(served(domains, [certificateFor('blog', ['*.example.com'])])).toEqual({
    'www.example.com': '*.example.com',
    '*.example.com': '*.example.com',
  })
})

test('a certificate of one app serves no host of another nor of the server, whatever it names', () => {
  const theirs = certificateFor('evil', ['example.com', 'git.example.org'], { source: 'uploaded' })
  expect(served([domain('example.com', 'blog')], [theirs])).toEqual({})
  expect(served([], [certificateFor('evil', ['git.example.org'])])).toEqual({})
  const own = [certificateFor(null, ['git.example.org']), certificateFor(null, ['example.com'], { source: 'uploaded' })]
  expect(served([domain('example.com', 'blog')], own)).toEqual({ 'git.example.org': 'git.example.org' })
})

test('a host that was taken over is served with what was issued for it, until its new app has its own', () => {
  const old = certificateFor('blog', ['example.com'], { part: 'old' })
  expect(served([domain('example.com', 'shop')], [old])).toEqual({ 'example.com': 'old' })
  const own = certificateFor('shop', ['example.com'], { part: 'own', notAfter: '2026-03-01T00:00:00.000Z' })
  expect(served([domain('example.com', 'shop')], [old, own])).toEqual({ 'example.com': 'own' })
  expect(served([domain('example.com', 'plain')], [old])).toEqual({})
})

test('who has only a path of a host does not choose its certificate', () => {
  const shared = [domain('example.com', 'api', { path: '/api' }), domain('example.com', 'blog')]
  const both = [certificateFor('api', ['example.com'], { part: 'theirs' }), certificateFor('blog', ['example.com'])]
  expect(served(shared, both)).toEqual({ 'example.com': 'example.com' })
  expect(served(shared.slice(0, 1), both)).toEqual({ 'example.com': 'theirs' })
})

test('the best one serves: valid, then the exact name, then brought before issued before signed by itself, then the longest', () => {
  const expired = { notAfter: '2026-01-15T00:00:00.000Z' }
  const order: readonly Certificate[] = [
    certificateFor('blog', ['www.example.com'], { part: 'brought', source: 'uploaded' }),
    certificateFor('blog', ['www.example.com'], { part: 'longer', notAfter: '2026-05-01T00:00:00.000Z' }),
    certificateFor('blog', ['www.example.com'], { part: 'issued' }),
    certificateFor('blog', ['www.example.com'], { part: 'signed', source: 'self-signed' }),
    certificateFor('blog', ['*.example.com'], { part: 'star', source: 'uploaded' }),
    certificateFor('blog', ['www.example.com'], { part: 'old', source: 'uploaded', ...expired }),
  ]
  order.forEach((best, at) => {
    expect(served([domain('www.example.com', 'blog')], order.slice(at).toReversed())).toEqual({
      'www.example.com': best.part,
    })
  })
})

test('whoever has a certificate is reached by https alone, also once it has expired', () => {
  const old = certificateFor('blog', ['example.com'], { notAfter: '2026-01-15T00:00:00.000Z' })
  const hosts = { 'example.com': { app: 'blog', targets: [] }, 'example.net': { app: 'blog', targets: [] } }
  const table = withTls({ hosts }, certificatesFor([domain('example.com', 'blog')], [old]), new Map())
  expect(table).toEqual({
    hosts: {
      'example.com': { app: 'blog', targets: [], certificate: 'example.com', secure: true },
      'example.net': { app: 'blog', targets: [] },
    },
  })
})

test('the panel is led to only once it has a certificate, and no wildcard answers at its name before', () => {
  const hosts = { 'panel.example.org': { app: 'panel', targets: ['127.0.0.1:9180'] } }
  const led = (certificates: readonly Certificate[]) =>
    withTls({ hosts }, certificatesFor([], certificates), new Map()).hosts['panel.example.org']
  expect(led([])).toEqual({ app: 'panel', targets: [], pathsOnly: true, paths: {} })
  expect(led([certificateFor(null, ['panel.example.org'])])).toMatchObject({
    targets: ['127.0.0.1:9180'],
    secure: true,
  })
})
