/** The rows of jobs that a dead kernel left get their last state. */
import type { Job } from '../domain/job.ts'
import type { Jobs } from '../state/store.ts'

const interrupted = 'Interrupted: the kernel stopped while this job was waiting or running.'

/** What is to be said in the log of each. */
export async function recoverRows(
  jobs: Jobs,
  decided: (job: Job) => Promise<string | null>,
): Promise<{ readonly id: number; readonly text: string }[]> {
  const told: { id: number; text: string }[] = []
  for (const job of await jobs.list({ active: true, limit: mostActive })) {
    const text = job.state === 'running' ? await decided(job) : null
    if (text === null) continue
    await jobs.move(job.id, 'running', 'succeeded', { result: text, operations: job.operations })
    told.push({ id: job.id, text })
  }
  const rest = await jobs.interruptAll(interrupted)
  return [...told, ...rest.map(({ id }) => ({ id, text: interrupted }))]
}

/** More than can wait at a time. */
const mostActive = 10_000
