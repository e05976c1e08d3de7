/** Real servers for the tests, each in a device of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { DatabaseDriver, InstallOptions } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { signalPrograms } from '../../test/container-programs.ts'
import { hostsForTest } from '../../test/device-hosts.ts'
import type { DatabaseUnderTest } from '../conformance/database.ts'
import { client } from './client-for-test.ts'
import { createDriver } from './index.ts'

export interface Postgres extends DatabaseUnderTest {
  readonly driver: DatabaseDriver
  readonly host: DriverHost
  /** What another device is given. */
  another(device: string): Promise<DriverHost>
}

const run = promisify(execFile)

/** `system` and `pool`: of one file of tests alone. */
export async function makePostgres(
  as: InstallOptions['as'],
  { system, pool }: { readonly system: string; readonly pool: string },
): Promise<Postgres> {
  const hosts = await hostsForTest(system, pool)
  const host = await hosts.host('pg')
  const driver = createDriver(host)
  const install = () => driver.install({ version: null, as, memory: 512 }, () => {})
  await install()
  const signal = (name: NodeJS.Signals) =>
    as === 'container'
      ? signalPrograms(`mp-${system}.pg.server`, 'postgres', name)
      : signalNode(`megapolos-${system}-pg/`, name)
  return {
    ...{ driver, host, install, client, patience: 60 },
    again: () => createDriver(host),
    another: (device) => hosts.host(device),
    kill: () => signal('SIGKILL'),
    async freeze() {
      await signal('SIGSTOP')
      return () => signal('SIGCONT')
    },
    async remove() {
      await driver.uninstall()
      await hosts.close()
    },
  }
}

/** To the server whose words name this folder, and to all that it has started. */
async function signalNode(folder: string, name: NodeJS.Signals): Promise<void> {
  const table = (await run('ps', ['-eo', 'pid,ppid,comm,args'])).stdout
  const rows = [...table.matchAll(/^\s*(\d+)\s+(\d+)\s+postgres\b(.*)$/gm)]
  const [, master] = rows.find(([, , , words]) => words?.includes(folder)) ?? []
  for (const [, pid, parent] of rows) {
    if (pid === master || parent === master) process.kill(Number(pid), name)
  }
}
