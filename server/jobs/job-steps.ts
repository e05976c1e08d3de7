/** What a job spent its time on: a file beside its log, written when it ends. */
import { readFileSync, writeFileSync } from 'node:fs'
import type { Log } from '../log.ts'
import type { Step } from '../steps.ts'
import { logPath } from './job-log.ts'

export const stepsPath = (folder: string, id: number) => logPath(folder, id).replace(/\.log$/, '.steps')

/** A disk that is full costs the account, never the job. */
export function writeSteps(folder: string, id: number, steps: readonly Step[], log: Log): void {
  const rounded = steps.map(({ at, took, ...one }) => ({
    ...one,
    at: tenth(at),
    took: took === null ? null : tenth(took),
  }))
  try {
    writeFileSync(stepsPath(folder, id), JSON.stringify(rounded), { mode: 0o600 })
  } catch (error) {
    log.error('job.steps', error, { job: id })
  }
}

/** None for a job that has not ended, and for one whose kernel died. */
export function readSteps(folder: string, id: number): readonly Step[] {
  try {
    return JSON.parse(readFileSync(stepsPath(folder, id), 'utf8')) as Step[]
  } catch {
    return []
  }
}

function tenth(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10
}
