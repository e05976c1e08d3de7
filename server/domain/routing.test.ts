import { describe, expect, test } from 'vitest'
import { limitNamed, networkProblem, overlap } from './routing.ts'

describe('limits', () => {
  test.each([
    ['largest-body', '10m', 10 * 2 ** 20, '10m'],
    ['client-max-body-size', '1G', 2 ** 30, '1g'],
    ['largest-body', '1500', 1500, '1500'],
    ['largest-body', '512 KiB', 512 * 1024, '512k'],
    ['timeout', '120', 120, '120s'],
    ['proxy-read-timeout', '5m', 300, '300s'],
    ['hsts', 'on', 31_536_000, '365d'],
    ['hsts-max-age', '15724800', 15_724_800, '182d'],
    ['hsts', '90', 90, '90'],
  ])('%s=%s is %d', (name, text, value, printed) => {
    expect(limitNamed(name)?.parse(text)).toBe(value)
    expect(limitNamed(name)?.print(value)).toBe(printed)
  })

  test.each([
    ...[
      ['largest-body', '0'],
      ['largest-body', '17g'],
      ['largest-body', '-1'],
      ['largest-body', 'much'],
    ],
    ...[
      ['timeout', '0'],
      ['timeout', '25h'],
      ['timeout', '1.5'],
      ['hsts', '0'],
      ['hsts', '800d'],
      ['hsts', 'on; x'],
    ],
  ] as [string, string][])('%s=%s is refused', (name, text) => expect(limitNamed(name)?.parse(text)).toBeNull())

  test.each(['constructor', 'key', 'proxy-buffering'])('there is no limit called %s', (name) =>
    expect(limitNamed(name)).toBeUndefined(),
  )
})

describe('proxies before this one', () => {
  test.each(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1', '203.0.113.0/24'])('%s may be one', (text) =>
    expect(networkProblem(text)).toBeNull(),
  )
  test.each([
    '0.0.0.0/0',
    '::/0',
    '10.0.0.0/7',
    '10.0.0.0/33',
    '10.0.0',
    '10.0.0.256',
    'cdn.example.com',
    '1.2.3.4/8/9',
    '',
  ])('“%s” may not', (text) => expect(networkProblem(text)).not.toBeNull())
})

test.each([
  ['10.0.0.0/8', '10.64.0.0/12', true],
  ['10.79.255.255', '10.64.0.0/12', true],
  ['10.80.0.0', '10.64.0.0/12', false],
  ['10.63.255.0/24', '10.64.0.0/12', false],
  ['192.0.2.7', '10.64.0.0/12', false],
  ['fd00::/9', '10.64.0.0/12', false],
])('%s and %s have an address in common: %s', (one, other, both) => {
  expect([overlap(one, other), overlap(other, one)]).toEqual([both, both])
})
