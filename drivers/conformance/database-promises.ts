/** All that a driver of the class `database` promises. No test runner in here: `drivers:test` keeps the same list. */
import { barePromises } from './database-bare.ts'
import { callPromises } from './database-calls.ts'
import { dumpPromises } from './database-dumps.ts'
import { failurePromises } from './database-failures.ts'
import { lifePromises } from './database-life.ts'
import { loginPromises } from './database-logins.ts'
import { restorePromises } from './database-restores.ts'
import { secretPromises } from './database-secrets.ts'
import type { DatabaseClient, DatabasePromises } from './database-under-test.ts'
import { Untried } from './promises.ts'

export const databasePromises: DatabasePromises = {
  ...barePromises,
  ...lifePromises,
  ...loginPromises,
  ...dumpPromises,
  ...restorePromises,
  ...secretPromises,
  ...failurePromises,
}

/** What the way of installing makes a difference to. */
export const installPromises: DatabasePromises = {
  ...barePromises,
  ...lifePromises,
  ...loginPromises,
  ...secretPromises,
}

/** Everything that can be tried; most of it needs a client, and without one it is told that it was not. */
export function promisesWith(client: DatabaseClient | null): DatabasePromises {
  const all: DatabasePromises = { ...callPromises, ...databasePromises }
  if (client !== null) return all
  const untried = async () => {
    throw new Untried('it needs a client of what the server speaks')
  }
  const isBare = (promise: string) => promise in callPromises || promise in barePromises
  return Object.fromEntries(Object.entries(all).map(([promise, keep]) => [promise, isBare(promise) ? keep : untried]))
}
