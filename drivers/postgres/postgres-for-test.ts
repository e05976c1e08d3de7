/** Real servers for the tests, each in a device of its own. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { InstallOptions } from '../../server/devices/classes/database.ts'
import { send, signalPrograms } from '../../test/container-programs.ts'
import { type ServerForTest, serverForTest } from '../shared/server-for-test.ts'
import { client } from './client-for-test.ts'
import { createDriver } from './index.ts'

const run = promisify(execFile)

/** `system` and `pool`: of one file of tests alone. */
export function makePostgres(
  as: InstallOptions['as'],
  { system, pool }: { readonly system: string; readonly pool: string },
): Promise<ServerForTest> {
  return serverForTest({
    ...{ system, pool, device: 'pg', as, createDriver, client, patience: 60 },
    signal: (name) =>
      as === 'container'
        ? signalPrograms(`mp-${system}.pg.server`, 'postgres', name)
        : signalNode(`megapolos-${system}-pg/`, name),
  })
}

/** To the server whose words name this folder, and to all that it has started. */
async function signalNode(folder: string, name: NodeJS.Signals): Promise<void> {
  const table = (await run('ps', ['-eo', 'pid,ppid,comm,args'])).stdout
  const rows = [...table.matchAll(/^\s*(\d+)\s+(\d+)\s+postgres\b(.*)$/gm)]
  const [, master] = rows.find(([, , , words]) => words?.includes(folder)) ?? []
  for (const [, pid, parent] of rows) {
    if (pid === master || parent === master) send(Number(pid), name)
  }
}
