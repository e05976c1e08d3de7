/** Writes down what happened, beside whatever happens: nobody waits for it, and nothing fails because of it. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Event } from '../domain/event.ts'
import { messageOf, told } from '../errors.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import { apart } from '../steps.ts'
import type { Notifier } from './notifier.ts'

export interface Journal {
  record(event: Happened): void
  /** The newest `num`, oldest first; with `follow` it goes on until `signal` aborts. */
  read(filter: {
    readonly app?: string
    readonly num: number
    readonly follow: boolean
    readonly signal: AbortSignal
  }): AsyncIterable<Event>
  /** Writes what waits, for at most `timeout` ms. */
  close(timeout: number): Promise<void>
}

export type Happened = Pick<Event, 'kind' | 'text'> & {
  readonly app?: { readonly id: string; readonly name: string | null } | null
  readonly job?: number
  /** Somebody should hear of it. */
  readonly bad?: boolean
}

export interface JournalParts {
  readonly store: Pick<Store, 'events'>
  readonly live: Pick<Live, 'wake' | 'watch'>
  readonly log: Log
  /** Hears bad news at once, even while the store is away. */
  readonly notifier?: Pick<Notifier, 'tell'>
}

/** Milliseconds in which events are gathered, so that they do not stand in the way of what they tell about. */
const together = 250
const longestRetry = 5_000
/** Events that wait for a store that is away; the oldest of more are lost. */
const mostWaiting = 1_000

export function createJournal({ store, live, log, notifier }: JournalParts): Journal {
  let waiting: Omit<Event, 'id'>[] = []
  let writing: Promise<void> | null = null
  const closing = new AbortController()

  /** One batch after the other, until nothing waits. A store that is away gets them when it is back. */
  async function write(): Promise<void> {
    await pause(together, undefined, { signal: closing.signal }).catch(() => {})
    for (let wait = together; waiting.length > 0; ) {
      const batch = waiting
      waiting = []
      try {
        await store.events.add(batch)
        live.wake('events')
        wait = together
      } catch (error) {
        log.warn('events.not-written', { count: batch.length, cause: messageOf(error) })
        if (told(error).code !== 'unavailable' || closing.signal.aborted) continue
        waiting = [...batch, ...waiting].slice(-mostWaiting)
        await pause(wait, undefined, { signal: closing.signal }).catch(() => {})
        wait = Math.min(wait * 2, longestRetry)
      }
    }
  }

  return {
    record({ kind, text, app, job, bad }) {
      const at = new Date().toISOString()
      const event = { at, kind, app: app?.id ?? null, appName: app?.name ?? null, job: job ?? null, text }
      waiting.push(event)
      if (bad) notifier?.tell(event)
      writing ??= apart(write).finally(() => (writing = null))
    },
    async *read({ app, num, follow, signal }) {
      const filter = app === undefined ? {} : { app }
      const news = bell(signal)
      const unwatch = live.watch((topic) => (topic === 'events' || topic === '*') && news.ring())
      try {
        let last = 0
        let limit = num
        do {
          const found = await store.events.list({ ...filter, after: last, limit })
          yield* found
          last = found.at(-1)?.id ?? last
          limit = mostWaiting
        } while (follow && (await news.rung()))
      } finally {
        unwatch()
      }
    },
    async close(timeout) {
      closing.abort()
      const late = new AbortController()
      await Promise.race([writing, pause(timeout, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
    },
  }
}

/** A ring is not lost while nobody waits. `rung` is false once `signal` aborts. */
function bell(signal: AbortSignal) {
  let rung = false
  let wake = () => {}
  signal.addEventListener('abort', () => wake(), { once: true })
  return {
    ring() {
      rung = true
      wake()
    },
    async rung(): Promise<boolean> {
      if (!rung && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve))
      rung = false
      return !signal.aborted
    },
  }
}
