/** Counts failed sign-ins per address, so that guessing soon asks nobody any more. */

export interface FailedAttempts {
  /** True for an address that has failed too often within the last minute. */
  tooMany(address: string): boolean
  add(address: string): void
}

const allowed = 20
const span = 60_000
/** Addresses that are remembered; the oldest is forgotten first. */
const room = 10_000

export function failedAttempts(now: () => number = Date.now): FailedAttempts {
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
