/** Counts failures per address, so that guessing soon asks nobody any more. */

export interface FailedAttempts {
  /** True for an address that has failed too often within the span that its first failure began. */
  tooMany(address: string): boolean
  add(address: string): void
}

/** Addresses that are remembered; the oldest is forgotten first. */
const room = 10_000

/** `span`: milliseconds. */
export function failedAttempts({ allowed = 20, span = 60_000, now = Date.now } = {}): FailedAttempts {
  const known = new Map<string, { count: number; until: number }>()
  const current = (address: string) => {
    const found = known.get(address)
    return found && found.until > now() ? found : null
  }
  return {
    tooMany: (address) => (current(address)?.count ?? 0) >= allowed,
    add(address) {
      const { count, until } = current(address) ?? { count: 0, until: now() + span }
      known.delete(address)
      known.set(address, { count: count + 1, until })
      const [oldest] = known.keys()
      if (known.size > room && oldest !== undefined) known.delete(oldest)
    },
  }
}
