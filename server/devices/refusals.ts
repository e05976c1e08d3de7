/** Writes down which kernel calls drivers tried without the privilege. */
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { Refusal } from './container-drivers.ts'

/** Milliseconds in which the same try again is no news: a driver can make thousands in a second. */
const quiet = 60_000

export function auditRefusals(
  audit: Store['audit'],
  log: Log,
  now: () => number = Date.now,
): (refusal: Refusal) => void {
  const last = new Map<string, number>()
  return ({ driver, device, call, privilege }) => {
    const key = `${driver} ${device} ${call}`
    if (now() - (last.get(key) ?? -quiet) < quiet) return
    last.set(key, now())
    log.warn('driver.refused', { driver, device, call, privilege })
    audit
      .add({
        at: new Date().toISOString(),
        // It has no role; the least is the nearest.
        ...{ actor: `driver ${driver}`, role: 'viewer', door: 'driver', from: null },
        ...{ command: call, args: JSON.stringify({ device, privilege }), result: 'forbidden' },
      })
      .catch((error) => log.error('audit failed', error, { driver, call }))
  }
}
