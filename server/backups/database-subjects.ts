/** Databases as something to back up. */
import type { DatabaseAccess } from '../attachments/access.ts'
import { UserError } from '../errors.ts'
import { lostContent } from '../state/lost.ts'
import type { Subjects } from './subject.ts'

export function databaseSubjects(databases: DatabaseAccess): Subjects {
  /** Its own server, if it is of that driver; else the first one that is. */
  async function deviceFor(name: string, driver: string): Promise<string> {
    const own = (await databases.find(name))?.device
    const devices = await databases.devicesOf(driver)
    const device = devices.find((one) => one === own) ?? devices[0]
    if (device !== undefined) return device
    throw new UserError(
      'not-found',
      `This backup is of a ${driver} database, and no ${driver} is installed.`,
      `devices:install ${driver}`,
    )
  }

  return {
    async find(name) {
      const database = await databases.find(name)
      if (database === null) return null
      return {
        driver: await databases.driverOf(database.device),
        dump: async (signal) => {
          if (database.lost) throw lostContent('database', name)
          return (await databases.driver(database.device)).dump(database.handle, signal)
        },
      }
    },
    async scratch(name, wanted) {
      const device = await deviceFor(name, wanted)
      const [driver, scratch] = await Promise.all([databases.driver(device), databases.scratch(device)])
      return {
        fill: (bytes, signal) => driver.restore(scratch.handle, bytes, signal),
        inspect: (signal) => driver.inspect(scratch.handle, signal),
        keep: async (as, actor) => void (await databases.keep(as, scratch, actor)),
        async replace(as, job) {
          const database = await databases.find(as)
          if (database === null) throw new UserError('not-found', `There is no database ${as} any more.`)
          return databases.replace(database, scratch, job)
        },
        drop: () => scratch.drop(),
      }
    },
  }
}
