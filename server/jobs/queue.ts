/** One job at a time changes an app; the others wait in order, see their place, and can be cancelled. */
import type { Job } from '../domain/job.ts'
import type { Operation } from '../domain/operation.ts'
import type { Step } from '../steps.ts'
import type { Decision } from './recover.ts'

export interface JobQueue {
  /**
   * Waits for the app's turn, runs `work`, and settles as it does. Rows, lease and heartbeat are kept meanwhile.
   * `app` null: a job that no other waits for.
   */
  run<T>(request: JobRequest, work: (job: RunningJob) => Promise<JobOutcome<T>>): Promise<T>
  /** Runs `work` while no job of the app runs; jobs that come meanwhile wait. Null, at once, when one runs or waits. */
  between<T>(app: { readonly id: string; readonly name: string }, work: () => Promise<T>): Promise<T | null>
  /** Cancels a queued job, or a running one that has not passed its point of no return; throws `conflict` otherwise. */
  cancel(id: number): Promise<void>
  /** The lines of a job so far, then the new ones until it ends or `signal` aborts. Throws `not-found`. */
  output(id: number, options: { readonly follow: boolean; readonly signal?: AbortSignal }): AsyncIterable<string>
  /** Where its time went; nothing while it runs. */
  steps(id: number): readonly Step[]
  /**
   * Marks what a dead kernel left waiting as interrupted; `decided` says what came of a job that was running. Called once
   * at start.
   */
  recover(decided: (job: Job) => Promise<Decision>): Promise<void>
  /** Waits for running jobs to end, at most `timeout` ms. */
  close(timeout: number): Promise<void>
}

export interface JobRequest {
  readonly kind: string
  readonly app: { readonly id: string; readonly name: string } | null
  readonly actor: string
  /** Lines for whoever asked; they also go to the job's log. */
  readonly emit: (line: string) => void
  /** Aborted when whoever asked hung up: cancels the job before its point of no return. */
  readonly signal?: AbortSignal
}

export interface RunningJob {
  readonly id: number
  /** To the job's log and to whoever asked. */
  emit(line: string): void
  /** Notes an operation as done. */
  did(operation: Operation): void
  /** Aborted by `jobs:cancel`, or by the asker hanging up, until `commit`. */
  readonly signal: AbortSignal
  /** The point of no return: from here on the job can only finish. Throws `cancelled` if it was aborted before. */
  commit(): void
}

export interface JobOutcome<T> {
  readonly value: T
  /** One sentence for `jobs:list`. */
  readonly result: string
}
