/** The suites that a running system keeps for `drivers:test`: with the driver's own calls, and nothing that it does not have. */
import type { Suites } from '../../server/devices/suite.ts'
import { archivePromises } from './archive-promises.ts'
import { promisesWith } from './database-promises.ts'
import { keepAll } from './promises.ts'
import { storagePromises } from './storage-promises.ts'

/** Seconds that a call may take. */
const patience = 30
/** Whoever made the device removes it. */
const remove = async () => {}

export const suites: Suites = {
  database: (it, tell, signal) => {
    const bare = { ...it, ...{ client: null, kill: null, freeze: null }, patience, remove }
    return keepAll(promisesWith(null), bare, tell, signal)
  },
  // What the driver does not show of its place only its own test can see.
  archive: (driver, tell, signal) => {
    const files = async () => (await driver.list('')).map(({ name }) => name)
    return keepAll(archivePromises, { driver, files, remove }, tell, signal)
  },
  storage: ({ driver, again }, tell, signal) => keepAll(storagePromises, { driver, again, remove }, tell, signal),
}
