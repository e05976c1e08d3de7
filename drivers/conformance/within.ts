/** Whatever a suite waits for has its end: a driver that hangs has broken a promise, not the suite. */
import { AssertionError } from 'node:assert'
import { setTimeout as pause } from 'node:timers/promises'

export async function within<T>(seconds: number, what: string, promise: Promise<T>): Promise<T> {
  const end = new AbortController()
  const late = pause(seconds * 1000, undefined, { signal: end.signal }).then(() => {
    throw new AssertionError({ message: `${what} did not end within ${seconds} s` })
  })
  late.catch(() => {})
  try {
    return await Promise.race([promise, late])
  } finally {
    end.abort()
  }
}
