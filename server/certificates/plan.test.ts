import { expect, test } from 'vitest'
import { type Certificate, type FailedTry, retriesAt } from '../domain/certificate.ts'
import { certificateFor } from './certificate-for-test.ts'
import { jitterOf, planned } from './plan.ts'

const day = 24 * 3_600_000
const start = Date.parse('2026-01-01T00:00:00Z')
const after = (days: number) => new Date(start + days * day)

function plan(
  certificates: readonly Certificate[],
  now = after(0),
  hosts = ['example.com'],
  tries: readonly FailedTry[] = [],
) {
  const wanted = hosts.map((host) => ({ host, app: 'blog' }))
  return planned({ wanted, certificates, tries, now }).map(({ host, at }) => ({
    host,
    days: (at.getTime() - start) / day,
  }))
}

test('a name without a certificate is due at once', () => {
  expect(plan([], after(7))).toEqual([{ host: 'example.com', days: 7 }])
})

test('one of ninety days is renewed after two thirds of its life, spread over three days, each name at its own moment', () => {
  const hosts = Array.from({ length: 200 }, (_, at) => `n${at}.example.com`)
  const days = plan(
    hosts.map((host) => certificateFor('blog', [host])),
    after(0),
    hosts,
  ).map((one) => one.days)
  expect(Math.min(...days)).toBeGreaterThanOrEqual(60)
  expect(Math.max(...days)).toBeLessThanOrEqual(63)
  expect(new Set(days).size).toBe(200)
  expect(Math.max(...days) - Math.min(...days)).toBeGreaterThan(2)
})

test('a restart changes no moment: it follows from the name', () => {
  const one = [certificateFor('blog', ['example.com'])]
  expect(plan(one, after(1))).toEqual(plan(one, after(50)))
})

test('where the issuer says when, it is somewhere in that window', () => {
  const renewal = { from: after(30).toISOString(), until: after(34).toISOString() }
  const [one] = plan([certificateFor('blog', ['example.com'], { renewal })])
  expect(one?.days).toBeCloseTo(30 + 4 * jitterOf('example.com'), 5)
})

test('a window that an issuer puts into the past, such as before it revokes, makes it due', () => {
  const renewal = { from: after(-2).toISOString(), until: after(-1).toISOString() }
  expect(plan([certificateFor('blog', ['example.com'], { renewal })], after(3))[0]?.days).toBeLessThan(3)
})

test('a new one is left alone for an hour after it was issued, or a third of its life, whatever its issuer says', () => {
  const renewal = { from: after(-2).toISOString(), until: after(-1).toISOString() }
  const short = { renewal, notAfter: new Date(start + 90_000).toISOString() }
  expect(plan([certificateFor('blog', ['example.com'], { renewal })])[0]?.days).toBeCloseTo(2 / 24)
  expect(plan([certificateFor('blog', ['example.com'], short)])[0]?.days).toBeCloseTo(30_000 / day)
})

test('after the whole window was missed it is due, as is one that has expired', () => {
  expect(plan([certificateFor('blog', ['example.com'])], after(200))[0]?.days).toBeLessThan(200)
})

test('a name that failed waits, and its old certificate does not make it wait longer', () => {
  const failed = (days: number) => [
    { host: 'example.com', attempts: 3, failedAt: '', nextAt: after(days).toISOString(), problem: '', found: [] },
  ]
  const old = [certificateFor('blog', ['example.com'])]
  expect(plan([], after(0), ['example.com'], failed(1))).toEqual([{ host: 'example.com', days: 1 }])
  expect(plan(old, after(65), ['example.com'], failed(66))).toEqual([{ host: 'example.com', days: 66 }])
})

test('names wait for each other in the order of their moments', () => {
  const hosts = ['a.example.com', 'b.example.com', 'c.example.com']
  const certificates = [
    certificateFor('blog', ['a.example.com']),
    certificateFor('blog', ['c.example.com'], { notAfter: '2026-01-10T00:00:00.000Z' }),
  ]
  expect(plan(certificates, after(0), hosts).map(({ host }) => host)).toEqual([
    'b.example.com',
    'c.example.com',
    'a.example.com',
  ])
})

test('whoever brings one renews it; once it has expired, the kernel gets one', () => {
  const brought = [certificateFor('blog', ['*.example.com'], { source: 'uploaded' })]
  expect(plan(brought, after(89), ['www.example.com'])).toEqual([])
  expect(plan(brought, after(91), ['www.example.com'])).toHaveLength(1)
})

test('what signs itself does not keep a name from getting a real one', () => {
  expect(plan([certificateFor('blog', ['example.com'], { source: 'self-signed' })])).toEqual([
    { host: 'example.com', days: 0 },
  ])
})

test('a star that was issued serves the names below it, and is renewed itself', () => {
  const star = [certificateFor('blog', ['*.example.com'])]
  const found = plan(star, after(1), ['*.example.com', 'www.example.com', 'a.b.example.com'])
  expect(found[0]).toEqual({ host: 'a.b.example.com', days: 1 })
  expect(found.slice(1).every(({ days }) => days >= 60)).toBe(true)
})

test('the certificate of another app helps nobody', () => {
  expect(plan([certificateFor('shop', ['example.com'])], after(1))).toEqual([{ host: 'example.com', days: 1 }])
})

test('a name that fails is tried after a minute, then twice as long each time, up to a day, and up to a quarter more', () => {
  const minutes = (attempts: number, jitter: number) =>
    (retriesAt(attempts, after(0), jitter).getTime() - start) / 60_000
  expect([1, 2, 3, 4, 11, 12, 40].map((attempts) => minutes(attempts, 0))).toEqual([1, 2, 4, 8, 1024, 1440, 1440])
  expect([1, 12].map((attempts) => minutes(attempts, 1))).toEqual([1.25, 1800])
})
