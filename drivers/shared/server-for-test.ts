/** A real server of a database driver, as the suite of its class wants it. */
import type { DatabaseDriver, InstallOptions } from '../../server/devices/classes/database.ts'
import type { CreateDriver, DriverHost } from '../../server/devices/driver.ts'
import { hostsForTest } from '../../test/device-hosts.ts'
import type { DatabaseClient, DatabaseUnderTest } from '../conformance/database-under-test.ts'

export interface ServerForTest extends DatabaseUnderTest {
  readonly host: DriverHost
  /** What another device is given. */
  another(device: string): Promise<DriverHost>
}

/** `system` and `pool`: of one file of tests alone. `signal` reaches all processes of the server. */
export async function serverForTest(wanted: {
  readonly system: string
  readonly pool: string
  readonly device: string
  readonly as: InstallOptions['as']
  readonly createDriver: CreateDriver<DatabaseDriver>
  readonly client: DatabaseClient
  readonly patience: number
  signal(name: NodeJS.Signals, host: DriverHost): Promise<void>
}): Promise<ServerForTest> {
  const { system, pool, device, as, createDriver, client, patience } = wanted
  const hosts = await hostsForTest(system, pool)
  const host = await hosts.host(device)
  const driver = createDriver(host)
  const install = () => driver.install({ version: null, as, memory: 512 }, () => {})
  await install()
  return {
    ...{ driver, host, install, client, patience },
    again: () => createDriver(host),
    another: (name) => hosts.host(name),
    kill: () => wanted.signal('SIGKILL', host),
    async freeze() {
      await wanted.signal('SIGSTOP', host)
      return () => wanted.signal('SIGCONT', host)
    },
    async remove() {
      await driver.uninstall()
      await hosts.close()
    },
  }
}
