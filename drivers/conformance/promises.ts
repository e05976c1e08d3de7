/** What a suite is: a list of promises, without a test runner, so that tests, mutants and `drivers:test` keep the same one. */

/** Name → what proves it on the one under test; rejects when the promise is broken. */
export type Promises<Under> = Readonly<Record<string, (it: Under) => Promise<void>>>
