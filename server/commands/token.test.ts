import { expect, test } from 'vitest'
import { hashOfToken, lifetime, newToken } from './token.ts'

test('of a token only its hash is kept, and no two are equal', () => {
  const token = newToken()
  expect(token).toMatch(/^mgp_[0-9a-f]{40}$/)
  expect(newToken()).not.toBe(token)
  expect(hashOfToken(token)).toMatch(/^[0-9a-f]{64}$/)
  expect(hashOfToken(token)).not.toContain(token.slice(4))
})

test.each(['', 'mgp_', 'password', `mgp_${'A'.repeat(40)}`, `${newToken()} `, `x${newToken()}`])(
  '%j is not even looked up',
  (text) => expect(hashOfToken(text)).toBeNull(),
)

test('a token lasts some hours or days, at most a year', () => {
  expect([lifetime('12h'), lifetime('90d')]).toEqual([12 * 3_600_000, 90 * 86_400_000])
  for (const text of ['', 'never', '0d', '-1d', '1.5d', '90', '367d', '8785h', '99999d'])
    expect(lifetime(text)).toBeNull()
  expect([lifetime('366d'), lifetime('8784h')]).toEqual([366 * 86_400_000, 366 * 86_400_000])
})
