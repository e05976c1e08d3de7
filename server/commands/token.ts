/** What a token looks like, and how long it lasts. */
import { createHash, randomBytes } from 'node:crypto'

const form = /^mgp_[0-9a-f]{40}$/

/** The prefix tells scanners of leaked secrets, and people, what it is. */
export function newToken(): string {
  return `mgp_${randomBytes(20).toString('hex')}`
}

/** All that the house keeps and passes on of a token; null when the text cannot be one. */
export function hashOfToken(text: string): string | null {
  return form.test(text) ? createHash('sha256').update(text).digest('hex') : null
}

const hour = 3_600_000
/** With a leap day in it. */
const longest = 366 * 24 * hour

/** `90d` or `12h` → milliseconds; null when it is neither, or longer than a year. */
export function lifetime(text: string): number | null {
  const [, count, unit] = /^([1-9]\d{0,4})([hd])$/.exec(text) ?? []
  const milliseconds = Number(count) * (unit === 'd' ? 24 * hour : hour)
  return milliseconds <= longest ? milliseconds : null
}
