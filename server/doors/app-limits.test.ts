import { expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { appLimits } from './app-limits.ts'

const outcome = (asked: Promise<unknown>) =>
  asked.then(
    () => 'ran',
    (error) => error.code,
  )
const nothing = async () => {}

test('an app may ask a hundred times in one go, then twenty times a second, and no other app notices', async () => {
  let now = 0
  const limits = appLimits(() => now)
  const flood = async (times: number) => {
    const outcomes = []
    for (let n = 0; n < times; n++) outcomes.push(await outcome(limits.run('a', nothing)))
    return outcomes.filter((one) => one === 'ran').length
  }
  expect(await flood(1000)).toBe(100)
  expect(await outcome(limits.run('b', nothing))).toBe('ran')
  now += 1000
  expect(await flood(1000)).toBe(20)
  now += 60_000
  expect(await flood(1000)).toBe(100)
})

test('eight things at the same time are as many as an app may ask for', async () => {
  const limits = appLimits()
  const { promise, resolve } = Promise.withResolvers<void>()
  const running = Array.from({ length: 8 }, () => limits.run('a', () => promise))
  expect(await outcome(limits.run('a', nothing))).toBe('unavailable')
  expect(await outcome(limits.run('b', nothing))).toBe('ran')
  resolve()
  await Promise.all(running)
  expect(await outcome(limits.run('a', nothing))).toBe('ran')
})

test('an app that is refused again and again is not asked about any more for ten minutes', async () => {
  let now = 0
  const limits = appLimits(() => now)
  let asked = 0
  const forbidden = async () => {
    asked++
    throw new UserError('forbidden', 'No.')
  }
  for (let n = 0; n < 30; n++) {
    now += 1000
    await outcome(limits.run('a', forbidden))
  }
  expect(asked).toBe(20)
  expect(await outcome(limits.run('b', nothing))).toBe('ran')
  now += 10 * 60_000
  expect(await outcome(limits.run('a', nothing))).toBe('ran')
})
