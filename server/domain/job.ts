/** Work that takes a while: one at a time changes an app, the others wait in its queue. */

export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const
export type JobState = (typeof jobStates)[number]

/** The moves that are allowed. `interrupted`: the kernel died under it; what it had begun was cleaned up at the next start. */
export const nextJobStates: Readonly<Record<JobState, readonly JobState[]>> = {
  queued: ['running', 'cancelled', 'interrupted'],
  running: ['succeeded', 'failed', 'cancelled', 'interrupted'],
  succeeded: [],
  failed: [],
  cancelled: [],
  interrupted: [],
}

/** Milliseconds that a running job is believed to be alive after its last heartbeat. */
export const jobLease = 30_000

export interface Job {
  readonly id: number
  /** `push`, `config`, `scale`, `restart`, `rollback` …: the command that asked for it. */
  readonly kind: string
  readonly app: string | null
  readonly state: JobState
  readonly actor: string
  /** Operations that were really done, in order, as `describe()` prints them. */
  readonly operations: readonly string[]
  /** One sentence: what came out of it. */
  readonly result: string | null
  readonly createdAt: string
  readonly startedAt: string | null
  readonly endedAt: string | null
}
