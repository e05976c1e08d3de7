/** Real servers for the tests, each in a device of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { DatabaseDriver, InstallOptions } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
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
  const pids = as === 'container' ? () => containerPids(`mp-${system}.pg.server`) : () => nodePids(`${system}-pg`)
  const signal = async (name: NodeJS.Signals) => {
    for (const pid of await pids()) process.kill(pid, name)
  }
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

/** The server's own processes, and not what was started beside them. */
async function containerPids(container: string): Promise<number[]> {
  const { stdout } = await run('docker', ['top', container, '-eo', 'pid,comm'])
  return pidsOf(stdout)
}

async function nodePids(cluster: string): Promise<number[]> {
  const { stdout } = await run('ps', ['-eo', 'pid,comm,args'])
  const [master] = pidsOf(
    stdout
      .split('\n')
      .filter((line) => line.includes(`megapolos-${cluster}/`))
      .join('\n'),
  )
  const { stdout: children } = await run('ps', ['-o', 'pid,comm', '--ppid', String(master)])
  return [...(master === undefined ? [] : [master]), ...pidsOf(children)]
}

function pidsOf(table: string): number[] {
  return [...table.matchAll(/^\s*(\d+)\s+postgres\b/gm)].map(([, pid]) => Number(pid))
}
