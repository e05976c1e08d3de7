/**
 * Which running containers must not get requests yet: those being checked, and those that fell and were started again.
 * A container that nothing is known of is ready: what ran before the kernel did keeps serving.
 */
import type { ObservedContainer } from '../domain/container.ts'
import { type CheckInput, check } from './health.ts'

export interface Readiness {
  ready(id: string): boolean
  /** Somebody checks it, and will `admit` or `forget` it. */
  hold(id: string): void
  /** It was checked. One that fell since then stays out. */
  admit(id: string): void
  /** It ended, or was started without a check: not ready until somebody looks after it. */
  fell(id: string): void
  /** Drops what is known: it is gone. */
  forget(id: string): void
  /** True when it is not ready and nobody is checking it. */
  unattended(id: string): boolean
  /** Checks it in the background for as long as it runs, then admits it and calls back. */
  watch(container: ObservedContainer, how: WatchInput): void
}

interface WatchInput extends Omit<CheckInput, 'address' | 'port' | 'signal' | 'ended'> {
  readonly wait: (id: string, signal: AbortSignal) => CheckInput['ended']
  readonly signal: AbortSignal
  readonly onReady: () => void
}

export function createReadiness(): Readiness {
  const held = new Map<string, AbortController | null>()

  async function follow(container: ObservedContainer, how: WatchInput, mine: AbortController): Promise<void> {
    const signal = AbortSignal.any([how.signal, mine.signal])
    try {
      const ended = how.wait(container.id, signal)
      const verdict = await check({ ...container, ...how, ended, signal })
      if (verdict.healthy && held.get(container.id) === mine) {
        held.delete(container.id)
        how.onReady()
      }
    } catch {
      // Aborted, or the engine went away; the next look at everything begins again.
    }
    mine.abort()
    if (held.get(container.id) === mine) held.set(container.id, null)
  }

  return {
    ready: (id) => !held.has(id),
    unattended: (id) => held.get(id) === null,
    hold(id) {
      held.get(id)?.abort()
      held.set(id, new AbortController())
    },
    fell(id) {
      held.get(id)?.abort()
      held.set(id, null)
    },
    admit(id) {
      if (held.get(id) !== null) held.delete(id)
    },
    forget(id) {
      held.get(id)?.abort()
      held.delete(id)
    },
    watch(container, how) {
      const mine = new AbortController()
      held.get(container.id)?.abort()
      held.set(container.id, mine)
      follow(container, how, mine)
    },
  }
}
