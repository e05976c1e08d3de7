/** The rows of jobs that a dead kernel left get their last state. */
import type { Job } from '../domain/job.ts'
import type { Jobs } from '../state/store.ts'

const neverBegan = 'Interrupted: the kernel stopped while this job was waiting. Nothing was begun.'

/** What came of a job that ran when the kernel died. */
export interface Decision {
  readonly to: 'succeeded' | 'interrupted'
  /** What is to be said of it, and in its log. */
  readonly text: string
}

export interface Recovered extends Decision {
  readonly job: Pick<Job, 'id' | 'kind' | 'app' | 'actor'>
}

export async function recoverRows(jobs: Jobs, decided: (job: Job) => Promise<Decision>): Promise<Recovered[]> {
  const told: Recovered[] = []
  for (const job of await jobs.list({ active: true, limit: mostActive })) {
    if (job.state !== 'running') continue
    const { to, text } = await decided(job)
    await jobs.move(job.id, 'running', to, { result: text, operations: job.operations })
    told.push({ job, to, text })
  }
  const rest = await jobs.interruptAll(neverBegan)
  return [...told, ...rest.map((job) => ({ job, to: 'interrupted' as const, text: neverBegan }))]
}

/** More than can wait at a time. */
const mostActive = 10_000
