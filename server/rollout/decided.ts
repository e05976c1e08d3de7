/** Past the point of no return a job finishes: what does not answer is asked again, or followed up by the next look. */
import { setTimeout as delay } from 'node:timers/promises'
import type { App } from '../domain/app.ts'
import type { Place } from '../domain/container.ts'
import { told, UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import { type Acting, present } from './acting.ts'
import { operations, planGroup } from './plan.ts'

/** Milliseconds that a store may be away. */
const patience = 30_000

/**
 * Writes what does no harm when it is written twice: so a store that is away for a moment, or whose answer was lost, is
 * simply asked again. Throws `unavailable` when it stays away, and at once what it refuses with.
 */
export async function insist(job: RunningJob, write: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + patience
  for (let pause = 100; ; pause = Math.min(pause * 2, 2_000)) {
    try {
      return await write()
    } catch (error) {
      if (!isAway(error) || performance.now() > deadline) throw error
      if (pause === 100) job.emit(`       ${error.message} Trying again for ${patience / 1000} s.`)
    }
    await delay(pause)
  }
}

export function isAway(error: unknown): error is UserError {
  return error instanceof UserError && error.code === 'unavailable'
}

/**
 * The routes follow what is stored, and then what is too much begins to leave; resolves before it has left. Never rejects:
 * the job has done its part, and the next look at the app does what could not be done now.
 */
export async function follow(
  { parts, retirement, targets }: Acting,
  kind: 'deploy' | 'stop-first' | 'scale' | 'stop',
  app: App,
  { wanted, starts }: { readonly wanted: readonly Place[]; readonly starts: readonly Place[] },
  job: RunningJob,
): Promise<{ readonly left: Promise<void> }> {
  try {
    const { retires } = planGroup(wanted, await present({ parts, retirement }, app.id, wanted))
    retirement.mark(retires)
    await targets.refresh(app.id)
    // The others were noted as they happened.
    const noted = ['start', 'check', ...(kind === 'stop-first' ? ['hold', 'retire'] : [])]
    for (const operation of operations(kind, app, { starts, retires })) {
      if (!noted.includes(operation.do)) job.did(operation)
    }
    return { left: retirement.begin(retires) }
  } catch (error) {
    parts.log.error('rollout.not-followed', error, { app: app.id })
    job.emit(`       ${told(error).message} The routes follow as soon as possible.`)
    return { left: Promise.resolve() }
  }
}
