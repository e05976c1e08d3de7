/** What a suite is: a list of promises, without a test runner, so that tests, mutants and `drivers:test` keep the same one. */

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
