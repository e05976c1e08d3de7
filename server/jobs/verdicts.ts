/** Writes down how jobs ended; a store that is away then gets it when it is back. */
import { setTimeout as pause } from 'node:timers/promises'
import type { JobState } from '../domain/job.ts'
import { told } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Jobs } from '../state/store.ts'

export interface Verdict {
  readonly id: number
  readonly from: JobState
  readonly to: JobState
  readonly result: string
  readonly operations: readonly string[]
}

/** How long whoever asked waits for the row: they know the verdict already. */
const courtesy = 2_000
const firstRetry = 250
const longestRetry = 5_000

export function createVerdicts(jobs: Jobs, log: Log) {
  const open = new Set<Promise<void>>()
  const stopping = new AbortController()

  const insist = async (verdict: Verdict) => {
    for (let wait = firstRetry; !stopping.signal.aborted; wait = Math.min(wait * 2, longestRetry)) {
      try {
        await put(jobs, verdict)
        return
      } catch (error) {
        log.error('job.verdict', error, { job: verdict.id, state: verdict.to })
        if (told(error).code !== 'unavailable') return
      }
      await pause(wait, undefined, { signal: stopping.signal }).catch(() => {})
    }
  }

  return {
    /** Resolves when it is written, or after two seconds, and goes on trying. */
    async write(verdict: Verdict): Promise<void> {
      const written = insist(verdict).finally(() => open.delete(written))
      open.add(written)
      const waited = new AbortController()
      await Promise.race([written, pause(courtesy, undefined, { signal: waited.signal }).catch(() => {})])
      waited.abort()
    },
    /** Resolves when all are written. */
    async settled(): Promise<void> {
      while (open.size > 0) await Promise.all(open)
    },
    stop(): void {
      stopping.abort()
    },
  }
}

async function put(jobs: Jobs, { id, from, to, result, operations }: Verdict): Promise<void> {
  const outcome = { result, operations }
  if (await jobs.move(id, from, to, outcome)) return
  // Its start was written, but the answer to that was lost.
  if (from === 'queued') await jobs.move(id, 'running', to, outcome)
}
