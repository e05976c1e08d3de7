/** All that a driver of the class `database` promises. No test runner in here: `drivers:test` keeps the same list. */

import { dumpPromises } from './database-dumps.ts'
import { failurePromises } from './database-failures.ts'
import { lifePromises } from './database-life.ts'
import { loginPromises } from './database-logins.ts'
import { restorePromises } from './database-restores.ts'
import { secretPromises } from './database-secrets.ts'
import type { DatabasePromises } from './database-under-test.ts'

export const databasePromises: DatabasePromises = {
  ...lifePromises,
  ...loginPromises,
  ...dumpPromises,
  ...restorePromises,
  ...secretPromises,
  ...failurePromises,
}

/** What the way of installing makes a difference to. */
export const installPromises: DatabasePromises = { ...lifePromises, ...loginPromises, ...secretPromises }
