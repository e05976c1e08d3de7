/** A job while this kernel has it: its log, its cancellation, its point of no return, and what it did. */
import { describe } from '../domain/operation.ts'
import { coloured } from '../domain/printed.ts'
import { errorLines, told, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import { type JobLog, logPath, openJobLog } from './job-log.ts'
import type { JobRequest, RunningJob } from './queue.ts'

export interface ActiveJob {
  readonly id: number
  readonly request: JobRequest
  readonly log: JobLog
  readonly running: RunningJob
  readonly operations: readonly string[]
  /** Resolves when what `onCommit` began is over. */
  recorded(): Promise<void>
  /** False when it is past its point of no return. */
  abort(reason: UserError): boolean
  /** Resolves, never rejects, when the job is aborted. */
  readonly aborted: Promise<UserError>
  /** Writes down why it failed, for those who read the log later. */
  explain(error: unknown): void
  /** No line and no signal from here on. */
  end(): void
}

export interface ActiveJobOptions {
  readonly id: number
  readonly request: JobRequest
  readonly folder: string
  readonly log: Log
  /** Called once, with the operations that were done before the point of no return. Never rejects. */
  readonly onCommit: (operations: readonly string[]) => Promise<void>
}

export function createActiveJob({ id, request, folder, log, onCommit }: ActiveJobOptions): ActiveJob {
  const jobLog = openJobLog(logPath(folder, id), log)
  const controller = new AbortController()
  const { promise: aborted, resolve } = Promise.withResolvers<UserError>()
  const operations: string[] = []
  let committed = false
  let recorded = Promise.resolve()

  const abort = (reason: UserError) => {
    if (committed) return false
    controller.abort(reason)
    resolve(reason)
    return true
  }
  const hungUp = () => abort(cancelled(id))
  if (request.signal?.aborted) hungUp()
  else request.signal?.addEventListener('abort', hungUp)

  const emit = (text: string) => {
    for (const line of coloured(text).split('\n')) {
      jobLog.append(line)
      tellAsker(request, line)
    }
  }

  return {
    id,
    request,
    log: jobLog,
    operations,
    aborted,
    abort,
    recorded: () => recorded,
    running: {
      id,
      emit,
      signal: controller.signal,
      did(operation) {
        operations.push(describe(operation))
      },
      commit() {
        if (controller.signal.aborted) throw controller.signal.reason
        if (committed) return
        committed = true
        recorded = onCommit([...operations])
      },
    },
    explain(error) {
      for (const line of errorLines(told(error))) jobLog.append(coloured(line))
    },
    end() {
      request.signal?.removeEventListener('abort', hungUp)
      jobLog.end()
    },
  }
}

export function cancelled(id: number): UserError {
  return new UserError('cancelled', `Job ${id} was cancelled; nothing has changed.`)
}

/** Whoever asked may be gone in the middle of a line; that is no reason to fail. */
function tellAsker(request: JobRequest, line: string): void {
  try {
    request.emit(line)
  } catch {}
}
