/** Ends containers that get no new requests any more: drain, stop, keep the end of the log, remove. */
import { setTimeout as delay } from 'node:timers/promises'
import { type ObservedContainer, placeName } from '../domain/container.ts'
import type { KeptLine } from '../live/live.ts'
import { apart } from '../steps.ts'
import type { RolloutParts } from './parts.ts'
import type { Readiness } from './readiness.ts'

export interface Retirement {
  /** From now on they are no targets; call it before the routes are refreshed, and `begin` once they are. */
  mark(containers: readonly ObservedContainer[]): void
  /** Marked, whether its end has begun or not. */
  leaving(id: string): boolean
  underWay(id: string): boolean
  /** Begins what is not under way yet, all at the same time. Resolves when all of them are gone; never rejects. */
  begin(containers: readonly ObservedContainer[]): Promise<void>
  /** They are wanted again: unmarks them and ends their drain, or waits until those that are beyond it are gone. */
  reclaim(containers: readonly ObservedContainer[]): Promise<void>
}

/** Requests that run longer than this (ms) are cut. */
const drainLimit = 60_000
/** Seconds between SIGTERM and SIGKILL. */
export const grace = 30
const keptLines = 200

/** `onGone`: the next look at the app frees the address. `onLeft`: it could not be ended, and is still there. */
export function createRetirement(
  parts: RolloutParts,
  readiness: Readiness,
  onGone: (app: string) => void,
  onLeft: (app: string) => void,
): Retirement {
  const marked = new Set<string>()
  const running = new Map<string, { drain: AbortController; end: Promise<void> }>()

  async function retire(container: ObservedContainer, drain: AbortController): Promise<void> {
    const { id } = container
    try {
      if (await drained(parts, container, drainLimit, drain.signal)) {
        // Beyond this there is no way back.
        drain.abort()
        await parts.engine.stop(id, grace)
        await keepLog(parts, container)
        await parts.engine.remove(id)
        readiness.forget(id)
      }
      marked.delete(id)
      running.delete(id)
      onGone(container.app)
    } catch (error) {
      // It stays marked: it may be ending, so no request must reach it.
      running.delete(id)
      parts.log.error('rollout.not-retired', error, { app: container.app, container: id })
      onLeft(container.app)
    }
  }

  function begin(container: ObservedContainer): Promise<void> {
    const before = running.get(container.id)
    if (before) return before.end
    marked.add(container.id)
    const drain = new AbortController()
    const end = apart(() => retire(container, drain))
    running.set(container.id, { drain, end })
    return end
  }

  return {
    mark: (containers) => containers.forEach(({ id }) => void marked.add(id)),
    leaving: (id) => marked.has(id),
    underWay: (id) => running.has(id),
    begin: async (containers) => void (await Promise.all(containers.map(begin))),
    async reclaim(containers) {
      const found = containers.flatMap(({ id }) => running.get(id) ?? [])
      for (const { drain } of found) drain.abort()
      await Promise.all(found.map(({ end }) => end))
      for (const { id } of containers) marked.delete(id)
    },
  }
}

/** Resolves when it serves nothing any more, or after `limit` ms. False when it was called off. */
export async function drained(
  { traffic }: Pick<RolloutParts, 'traffic'>,
  { address, port, state }: ObservedContainer,
  limit: number,
  calledOff: AbortSignal,
): Promise<boolean> {
  if (port === null || state !== 'running') return !calledOff.aborted
  const target = `${address}:${port}`
  const deadline = performance.now() + limit
  for (let pause = 20; performance.now() < deadline && !calledOff.aborted; pause = Math.min(pause * 2, 500)) {
    // A proxy that does not answer may still be serving: then only the deadline decides.
    const counts = await traffic.inflight([target]).catch(() => null)
    if (counts && (counts[target] ?? 0) === 0) break
    await delay(pause, undefined, { signal: calledOff }).catch(() => {})
  }
  return !calledOff.aborted
}

async function keepLog({ engine, live, log }: RolloutParts, container: ObservedContainer): Promise<void> {
  const lines: KeptLine[] = []
  const { app, release } = container
  try {
    for await (const { at, text } of engine.logs(container.id, { tail: keptLines })) {
      lines.push({ at, process: placeName(container), release, text })
    }
    if (lines.length > 0) await live.keepLog(app, lines)
  } catch (error) {
    log.error('rollout.log-not-kept', error, { app })
  }
}
