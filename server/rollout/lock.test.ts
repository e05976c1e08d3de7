import { expect, test } from 'vitest'
import { createLocks, inParallel } from './lock.ts'

test('work with the same key runs in order, after a failure too; other keys do not wait', async () => {
  const locked = createLocks()
  const gate = Promise.withResolvers<void>()
  const done: string[] = []
  const first = locked('a', async () => {
    await gate.promise
    done.push('first')
    throw new Error('no')
  })
  const second = locked('a', async () => void done.push('second'))
  await locked('b', async () => void done.push('other'))
  gate.resolve()
  await expect(first).rejects.toThrow('no')
  await second
  expect(done).toEqual(['other', 'first', 'second'])
})

test('at most so many run at a time, and results come in the order of the items', async () => {
  let now = 0
  let most = 0
  const results = inParallel(3, [1, 2, 3, 4, 5, 6, 7], async (item) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setTimeout(resolve, 5))
    now--
    if (item === 4) throw new Error('four')
    return item * 2
  })
  const settled = await Promise.allSettled(results)
  expect(most).toBe(3)
  expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : 'failed'))).toEqual([
    2,
    4,
    6,
    'failed',
    10,
    12,
    14,
  ])
})
