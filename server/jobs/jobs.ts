/** The queue of jobs of this kernel. Rows in the store outlive it; Redis is only told. */
import { setTimeout as pause } from 'node:timers/promises'
import { jobLease } from '../domain/job.ts'
import { messageOf, told, UserError } from '../errors.ts'
import type { Journal } from '../events/journal.ts'
import type { Live } from '../live/live.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import { type Recording, recordSteps, step } from '../steps.ts'
import { type ActiveJob, cancelled, createActiveJob } from './active-job.ts'
import { logPath, openJobLog, readJobLog } from './job-log.ts'
import { readSteps, writeSteps } from './job-steps.ts'
import { createLanes, type Lane } from './lanes.ts'
import type { JobOutcome, JobQueue, JobRequest, RunningJob } from './queue.ts'
import { recoverRows } from './recover.ts'
import { begun, ended, left } from './told.ts'
import { createVerdicts } from './verdicts.ts'

export interface JobsOptions {
  readonly store: Pick<Store, 'jobs'>
  readonly live: Pick<Live, 'wake'>
  readonly journal: Pick<Journal, 'record'>
  /** Folder of the logs; those of jobs go to `jobs/<id>.log` in it. */
  readonly logs: string
  readonly log: Log
}

const heartbeat = 10_000

export function createJobs({ store, live, journal, logs, log }: JobsOptions): JobQueue {
  const lanes = createLanes<Member>()
  const verdicts = createVerdicts(store.jobs, log)
  const active = new Map<number, ActiveJob>()
  const runs = new Set<Promise<unknown>>()
  /** The ones that hold a lease. */
  const running = new Set<number>()
  let closing = false

  const beat = setInterval(() => {
    if (running.size === 0) return
    const until = new Date(Date.now() + jobLease).toISOString()
    store.jobs.heartbeat([...running], until).catch((error) => log.warn('job.heartbeat', { cause: messageOf(error) }))
  }, heartbeat)
  beat.unref()

  const wake = (id: number) => {
    live.wake('jobs')
    live.wake(`job:${id}`)
  }

  /** Its row, its log, and its entry among those that can be cancelled. */
  const begin = async (request: JobRequest, waits: boolean) => {
    const { id } = await store.jobs.create({
      kind: request.kind,
      app: request.app?.id ?? null,
      actor: request.actor,
      state: waits ? 'queued' : 'running',
    })
    const onCommit = (operations: readonly string[]) =>
      store.jobs.record(id, operations).catch((error) => log.warn('job.record', { job: id, cause: messageOf(error) }))
    const job = createActiveJob({ id, request, folder: logs, log, onCommit })
    active.set(id, job)
    wake(id)
    journal.record(begun(id, request))
    return job
  }

  /** Waits for the turn; throws why it never came. */
  const awaitTurn = async (job: ActiveJob, lane: Lane<Member>) => {
    if (closing) job.abort(stopping())
    const [first] = lane.ahead()
    const number = await first?.id
    if (first && number) {
      const { kind, actor } = first.request
      job.running.emit(`Waiting for job ${number} (${kind} by ${actor}), ${lane.ahead().length} before you`)
    }
    const reason = await Promise.race([lane.turn, job.aborted])
    if (reason) throw reason
    if (!(await store.jobs.move(job.id, 'queued', 'running'))) throw cancelled(job.id)
    wake(job.id)
  }

  const execute = async <T>(job: ActiveJob, work: (job: RunningJob) => Promise<JobOutcome<T>>) => {
    running.add(job.id)
    try {
      // Cancelled while its row was being written.
      job.running.signal.throwIfAborted()
      return await work(job.running)
    } finally {
      running.delete(job.id)
    }
  }

  const conclude = async (
    job: ActiveJob,
    request: JobRequest,
    steps: Recording,
    from: 'queued' | 'running',
    { to, result, error }: Ending,
  ) => {
    if (error) job.explain(error)
    job.end()
    active.delete(job.id)
    journal.record(ended(job.id, request, to, result))
    await job.recorded()
    writeSteps(logs, job.id, steps.end(), log)
    await verdicts.write({ id: job.id, from, to, result, operations: job.operations })
    wake(job.id)
  }

  const start = async <T>(
    request: JobRequest,
    work: (job: RunningJob) => Promise<JobOutcome<T>>,
    steps: Recording,
  ): Promise<T> => {
    const id = Promise.withResolvers<number | null>()
    const lane = request.app ? lanes.enter(request.app.id, { id: id.promise, request }) : null
    const waits = lane !== null && lane.ahead().length > 0
    let from: 'queued' | 'running' = waits ? 'queued' : 'running'
    try {
      const job = await begin(request, waits)
      id.resolve(job.id)
      try {
        if (waits) await step('wait for its turn', () => awaitTurn(job, lane))
        from = 'running'
        const { value, result } = await execute(job, work)
        await conclude(job, request, steps, from, { to: 'succeeded', result, error: null })
        return value
      } catch (thrown) {
        const ending = endingOf(job, from, thrown)
        if (!(ending.error instanceof UserError)) log.error('job.failed', thrown, { job: job.id, kind: request.kind })
        await conclude(job, request, steps, from, ending)
        throw ending.error
      }
    } finally {
      id.resolve(null)
      lane?.leave()
    }
  }

  return {
    async run(request, work) {
      if (closing) throw stopping()
      if (request.signal?.aborted) throw new UserError('cancelled', 'It was cancelled before it began.')
      const steps = recordSteps()
      const run = steps.run(() => start(request, work, steps))
      runs.add(run)
      try {
        return await run
      } finally {
        runs.delete(run)
      }
    },
    async between(app, work) {
      const request = { kind: 'between', app, actor: 'kernel', emit: () => {} }
      const lane = lanes.enter(app.id, { id: Promise.resolve(null), request })
      try {
        if (closing || lane.ahead().length > 0) return null
        const run = work()
        runs.add(run)
        return await run.finally(() => runs.delete(run))
      } finally {
        lane.leave()
      }
    },
    async cancel(id) {
      const job = active.get(id)
      if (job?.abort(cancelled(id))) return
      if (job) throw new UserError('conflict', `Job ${id} has passed its point of no return; it will finish.`)
      const row = await store.jobs.get(id)
      if (!row) throw unknownJob(id)
      throw new UserError('conflict', `Job ${id} has ended already (${row.state}).`)
    },
    async *output(id, { follow, signal }) {
      const job = active.get(id)
      if (!job && !(await store.jobs.get(id))) throw unknownJob(id)
      yield* readJobLog(logPath(logs, id), follow && job ? job.log : null, signal)
    },
    steps: (id) => readSteps(logs, id),
    async recover(decided) {
      for (const recovered of await recoverRows(store.jobs, decided)) {
        const { id } = recovered.job
        const rest = openJobLog(logPath(logs, id), log)
        rest.append(recovered.text)
        rest.end()
        journal.record(left(recovered))
        wake(id)
      }
    },
    async close(timeout) {
      closing = true
      for (const [id, job] of active) if (!running.has(id)) job.abort(stopping())
      const late = new AbortController()
      const ended = Promise.allSettled(runs).then(() => verdicts.settled())
      await Promise.race([ended, pause(timeout, undefined, { signal: late.signal }).catch(() => {})])
      late.abort()
      verdicts.stop()
      clearInterval(beat)
    },
  }
}

interface Member {
  /** Null when its row could not be written. */
  readonly id: Promise<number | null>
  readonly request: JobRequest
}

interface Ending {
  readonly to: 'succeeded' | 'failed' | 'cancelled' | 'interrupted'
  readonly result: string
  readonly error: unknown
}

/** Whatever a cancelled job throws on its way out, it was cancelled. One that never ran cannot have failed. */
function endingOf(job: ActiveJob, from: 'queued' | 'running', thrown: unknown): Ending {
  const { signal } = job.running
  const error: unknown = signal.aborted ? signal.reason : thrown
  const { code, message } = told(error)
  if (code === 'cancelled') return { to: 'cancelled', result: message, error }
  return { to: signal.aborted || from === 'queued' ? 'interrupted' : 'failed', result: message, error }
}

function stopping(): UserError {
  return new UserError('unavailable', 'The kernel is stopping; nothing has changed.', 'Try again in a moment.')
}

function unknownJob(id: number): UserError {
  return new UserError('not-found', `There is no job ${id}.`, 'See them: jobs:list')
}
