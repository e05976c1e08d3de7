/** The rows of jobs that a dead kernel left get their last state. */
import type { Job } from '../domain/job.ts'
import type { Jobs } from '../state/store.ts'

const interrupted = 'Interrupted: the kernel stopped while this job was waiting or running.'

export interface Recovered {
  readonly job: Pick<Job, 'id' | 'kind' | 'app' | 'actor'>
  readonly to: 'succeeded' | 'interrupted'
  /** What is to be said in its log. */
  readonly text: string
}

export async function recoverRows(jobs: Jobs, decided: (job: Job) => Promise<string | null>): Promise<Recovered[]> {
  const told: Recovered[] = []
  for (const job of await jobs.list({ active: true, limit: mostActive })) {
    const text = job.state === 'running' ? await decided(job) : null
    if (text === null) continue
    await jobs.move(job.id, 'running', 'succeeded', { result: text, operations: job.operations })
    told.push({ job, to: 'succeeded', text })
  }
  const rest = await jobs.interruptAll(interrupted)
  return [...told, ...rest.map((job) => ({ job, to: 'interrupted' as const, text: interrupted }))]
}

/** More than can wait at a time. */
const mostActive = 10_000
