import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createBell } from './panel-bell.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const heard = async (bell: ReturnType<typeof createBell>, within: number) => {
  let result: string = 'silence'
  void bell.next().then((told) => (result = told))
  await vi.advanceTimersByTimeAsync(within)
  return result
}

test('what rings in quick succession wakes once, and not sooner than 200 ms', async () => {
  const bell = createBell(200, 10_000)
  for (let times = 0; times < 50; times++) bell.ring()
  const woken = bell.next()
  let early = true
  void woken.then(() => (early = false))
  await vi.advanceTimersByTimeAsync(199)
  expect(early).toBe(true)
  await vi.advanceTimersByTimeAsync(1)
  expect(await woken).toBe('rung')
  expect(await heard(bell, 9_999)).toBe('silence')
})

test('a ring while nobody waits is not lost', async () => {
  const bell = createBell(200, 10_000)
  bell.ring()
  await vi.advanceTimersByTimeAsync(5_000)
  expect(await heard(bell, 200)).toBe('rung')
})

test('lines wake without asking for a look at the page', async () => {
  const bell = createBell(200, 10_000)
  bell.hurry()
  expect(await heard(bell, 200)).toBe('hurried')
  bell.hurry()
  bell.ring()
  expect(await heard(bell, 200)).toBe('rung')
})

test('the page is renewed after 10 s, also while lines come without end', async () => {
  const bell = createBell(200, 10_000)
  const results: string[] = []
  for (let lines = 0; lines < 50; lines++) {
    bell.hurry()
    results.push(await heard(bell, 200))
  }
  expect(results.filter((result) => result === 'rung')).toHaveLength(1)
  expect(results.indexOf('rung')).toBe(49)
})
