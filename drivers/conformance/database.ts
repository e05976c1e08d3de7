/** The suite of the class `database` under vitest: a driver's own test is one call of this, on the real server. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { databasePromises } from './database-promises.ts'
import type { DatabaseUnderTest } from './database-under-test.ts'

export type { DatabaseUnderTest } from './database-under-test.ts'

/** Milliseconds: some kill the server again and again, on a machine that does other things. */
const longest = 240_000

export function databaseConforms(name: string, make: () => Promise<DatabaseUnderTest>): void {
  describe(`${name} is a database`, () => {
    let it: DatabaseUnderTest

    beforeAll(async () => {
      it = await make()
    }, longest)

    afterAll(() => it?.remove(), longest)

    for (const [promise, keep] of Object.entries(databasePromises)) test(promise, () => keep(it), longest)
  })
}
