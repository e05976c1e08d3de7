/** What the journal says about a job. */
import type { JobState } from '../domain/job.ts'
import type { Happened } from '../events/journal.ts'
import type { JobRequest } from './queue.ts'

type Asked = Pick<JobRequest, 'kind' | 'actor' | 'app'>

export function begun(id: number, { kind, actor, app }: Asked): Happened {
  return { kind: 'job-began', app, job: id, text: `${kind} by ${actor} began.` }
}

export function ended(id: number, { kind, actor, app }: Asked, to: JobState, result: string): Happened {
  const how = to === 'failed' ? 'was refused' : to === 'succeeded' ? 'is done' : `was ${to}`
  return { kind: 'job-ended', app, job: id, text: `${kind} by ${actor} ${how}: ${result}` }
}

/** By a kernel that is gone. */
export function left(id: number, kind: string, app: string | null): Happened {
  const text = `${kind} was interrupted: the kernel stopped under it.`
  return { kind: 'job-ended', app: app === null ? null : { id: app, name: null }, job: id, text }
}
