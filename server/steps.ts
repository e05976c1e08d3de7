/** Where the time of a job goes: whoever takes part in it names a step, and steps that lie inside each other make a tree. */
import { AsyncLocalStorage } from 'node:async_hooks'

export interface Step {
  readonly name: string
  /** Number of the step that it lies in; null: in none. */
  readonly within: number | null
  /** Milliseconds since the recording began. */
  readonly at: number
  /** Milliseconds; null: it had not ended when the recording did. */
  readonly took: number | null
}

export interface Recording {
  /** Everything that `work` does, and whatever it begins but `apart`, is recorded until the end. */
  run<T>(work: () => Promise<T>): Promise<T>
  /** What is still going on is not waited for. */
  end(): readonly Step[]
}

interface Place {
  readonly steps: Entry[]
  readonly began: number
  readonly ended: () => boolean
  readonly within: number | null
}

interface Entry extends Step {
  took: number | null
}

const place = new AsyncLocalStorage<Place>()

export function recordSteps(): Recording {
  const steps: Entry[] = []
  let ended = false
  const whole = { steps, began: performance.now(), ended: () => ended, within: null }
  return {
    run: (work) => place.run(whole, work),
    end() {
      ended = true
      return steps.map((one) => ({ ...one }))
    },
  }
}

/** Outside of a recording it is only the work. */
export async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  const outer = place.getStore()
  if (!outer || outer.ended()) return work()
  const at = performance.now() - outer.began
  const own: Entry = { name, within: outer.within, at, took: null }
  const within = outer.steps.push(own) - 1
  try {
    return await place.run({ ...outer, within }, work)
  } finally {
    own.took = performance.now() - outer.began - at
  }
}

/** A step that somebody else timed, in milliseconds since 1970. */
export function noteStep(name: string, from: number, to: number): void {
  const outer = place.getStore()
  if (!outer || outer.ended()) return
  const at = from - performance.timeOrigin - outer.began
  // What was over before, such as a step of an earlier build that is used again, took none of this time.
  if (at < 0) return
  outer.steps.push({ name, within: outer.within, at, took: to - from })
}

/** Begins what nobody waits for: it is no part of what is recorded, though the job gave rise to it. */
export function apart<T>(work: () => T): T {
  return place.exit(work)
}

/** Each with how deep it lies, in the order of a tree: what lies in a step follows it. */
export function stepTree(
  steps: readonly Step[],
  within: number | null = null,
  depth = 0,
): (Step & { depth: number })[] {
  return steps.flatMap((one, number) =>
    one.within === within ? [{ ...one, depth }, ...stepTree(steps, number, depth + 1)] : [],
  )
}
