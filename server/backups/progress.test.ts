import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { watchProgress } from './progress.ts'

const never = new AbortController().signal
const names = { from: 'The dump of blog', to: 'The archive disk' }

test('it tells how far the bytes have come, and how fast, as long as they move', async () => {
  const lines: string[] = []
  const progress = watchProgress({ ...names, emit: (line) => lines.push(line), signal: never, every: 5 })
  async function* source() {
    for (let n = 0; n < 2; n++) {
      yield Buffer.alloc(1000)
      await expect.poll(() => lines.length).toBe(n + 1)
    }
  }
  for await (const _ of progress.through(source()));
  progress.end()
  expect(lines[1]).toMatch(/^ {7}2\.0 kB in \d+\.\d s, [\d.]+ k?B\/s$/)
})

test.each(['from', 'to'] as const)('when nothing moves, the one who holds it up is named: %s', async (who) => {
  const progress = watchProgress({ ...names, emit: () => {}, signal: never, every: 5, patience: 40 })
  async function* source() {
    yield Buffer.alloc(1)
    if (who === 'from') await pause(10_000, undefined, { ref: false })
  }
  const reading = progress.through(source())
  await reading.next()
  if (who === 'from') reading.next()
  await expect.poll(() => progress.signal.aborted).toBe(true)
  expect(progress.signal.reason.message).toMatch(new RegExp(`^${names[who]} has not moved a byte`))
  progress.end()
})
