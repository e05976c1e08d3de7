/** The suite of the class `database` under vitest: a driver's own test is one call of this, on the real server. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { databaseMutants } from './database-mutants.ts'
import { databasePromises } from './database-promises.ts'
import type { DatabaseUnderTest, Promises } from './database-under-test.ts'

export type { DatabaseUnderTest } from './database-under-test.ts'

/** Milliseconds: some kill the server again and again, on a machine that does other things. */
const longest = 300_000

/** `promises`: all of them, or `installPromises` for another way to install a server that keeps all of them already. */
export function databaseConforms(
  name: string,
  make: () => Promise<DatabaseUnderTest>,
  promises: Promises = databasePromises,
): void {
  describe(`${name} is a database`, () => {
    let it: DatabaseUnderTest

    beforeAll(async () => {
      it = await make()
    }, longest)

    afterAll(() => it?.remove(), longest)

    for (const [promise, keep] of Object.entries(promises)) test(promise, () => keep(it), longest)
  })
}

/** The suite itself is tried: on a driver that is right but for one thing, the promise about it must break. */
export function databaseMutantsAreCaught(name: string, make: () => Promise<DatabaseUnderTest>): void {
  describe(`wrong drivers made of ${name} are seen`, () => {
    let it: DatabaseUnderTest

    beforeAll(async () => {
      it = await make()
    }, longest)

    afterAll(() => it?.remove(), longest)

    test.each(Object.entries(databaseMutants))(
      '%s',
      async (_, { breaks, sees = '', wrong }) => {
        const keep = databasePromises[breaks]
        if (keep === undefined) throw new Error(`there is no promise "${breaks}"`)
        const driver = { ...it.driver, ...wrong(it.driver) }
        await expect(keep({ ...it, driver, patience: 20 })).rejects.toThrow(sees)
      },
      longest,
    )
  })
}
