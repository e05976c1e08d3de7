/** What a suite is: a list of promises, without a test runner, so that tests, mutants and `drivers:test` keep the same one. */
import type { Proof } from '../../server/devices/suite.ts'
import { messageOf } from '../../server/errors.ts'

/** Name → what proves it on the one under test; rejects when the promise is broken. */
export type Promises<Under> = Readonly<Record<string, (it: Under) => Promise<void>>>

/** A driver that is right but for one thing. */
export interface Mutant<Driver> {
  /** The promise that it does not keep. */
  readonly breaks: string
  /** Of what is said then; left out where it comes in other words each time. */
  readonly sees?: string
  readonly wrong: (right: Driver) => Partial<Driver>
}

/** Thrown by a proof that cannot be had where it is tried: the promise is neither kept nor broken. */
export class Untried extends Error {}

/** One after another; each is told as soon as it is known. Throws the signal's reason between two of them. */
export async function keepAll<Under>(
  promises: Promises<Under>,
  it: Under,
  tell: (proof: Proof) => void,
  signal: AbortSignal,
): Promise<void> {
  for (const [promise, keep] of Object.entries(promises)) {
    signal.throwIfAborted()
    tell(await proofOf(promise, () => keep(it)))
  }
}

async function proofOf(promise: string, keep: () => Promise<void>): Promise<Proof> {
  try {
    await keep()
    return { promise, outcome: 'kept', why: null }
  } catch (error) {
    return { promise, outcome: error instanceof Untried ? 'untried' : 'broken', why: messageOf(error) }
  }
}
