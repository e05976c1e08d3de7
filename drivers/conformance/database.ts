/** The suite of the class `database` under vitest: a driver's own test is one call of this, on the real server. */
import { databaseMutants } from './database-mutants.ts'
import { databasePromises } from './database-promises.ts'
import type { DatabasePromises, DatabaseUnderTest } from './database-under-test.ts'
import { keepsPromises, mutantsAreCaught } from './suite.ts'

export type { DatabaseUnderTest } from './database-under-test.ts'

/** `promises`: all of them, or `installPromises` for another way to install a server that keeps all of them already. */
export function databaseConforms(
  name: string,
  make: () => Promise<DatabaseUnderTest>,
  promises: DatabasePromises = databasePromises,
): void {
  keepsPromises(`${name} is a database`, make, promises)
}

export function databaseMutantsAreCaught(name: string, make: () => Promise<DatabaseUnderTest>): void {
  const impatient = async () => ({ ...(await make()), patience: 10 })
  mutantsAreCaught(`wrong drivers made of ${name} are caught`, impatient, databasePromises, databaseMutants)
}
