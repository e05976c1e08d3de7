import { expect, test } from 'vitest'
import { started, stopped } from './start.ts'

const after = (before: { text: string } | undefined, up = 10_000) => started('1.2', before, up).text

test('a start says whether the kernel had been stopped, was killed, or came up with the machine', () => {
  expect(after(undefined)).toBe('MegapolOS 1.2 started.')
  expect(after(stopped('1.1'))).toBe('MegapolOS 1.2 started.')
  expect(after(started('1.2', undefined, 10_000))).toBe(
    'MegapolOS 1.2 started again: it had ended without being stopped.',
  )
  expect(after(stopped('1.1'), 40)).toBe('MegapolOS 1.2 started, 40 s after the machine did.')
})
