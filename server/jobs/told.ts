/** What the journal says about a job. */
import type { JobState } from '../domain/job.ts'
import type { Happened } from '../events/journal.ts'
import type { JobRequest } from './queue.ts'
import type { Recovered } from './recover.ts'

interface Asked extends Pick<JobRequest, 'kind' | 'actor'> {
  readonly app: Happened['app']
}

export function begun(id: number, { kind, actor, app }: Asked): Happened {
  return { kind: 'job-began', app, job: id, text: `${kind} by ${actor} began.` }
}

export function ended(id: number, { kind, actor, app }: Asked, to: JobState, result: string): Happened {
  const how = to === 'failed' ? 'was refused' : to === 'succeeded' ? 'is done' : `was ${to}`
  const bad = to === 'failed' || to === 'interrupted'
  return { kind: 'job-ended', app, job: id, bad, text: `${kind} by ${actor} ${how}: ${result}` }
}

/** By a kernel that is gone. */
export function left({ job: { id, kind, app, actor }, to, text }: Recovered): Happened {
  const named = app === null ? null : { id: app, name: null }
  if (to === 'succeeded') return ended(id, { kind, actor, app: named }, to, text)
  return {
    kind: 'job-ended',
    app: named,
    job: id,
    bad: true,
    text: `${kind} was interrupted: the kernel stopped under it.`,
  }
}
