/** Who is killed: the kernel, the first process of the server's container, the driver where it is a process of its own. */
import { until } from '../crash/cell.ts'
import { lives, signal } from '../crash/processes.ts'
import type { System } from '../system.ts'
import { cache, driverOf, firstOf, psql, server } from './servers.ts'

export interface Victim {
  readonly name: string
  pid(system: System): Promise<number>
  /** Back, and at work. */
  works(system: System): Promise<unknown>
}

export const victims: readonly Victim[] = [
  {
    name: 'kernel',
    pid: (system) => system.pid('kernel'),
    works: (system) => system.console('apps:list'),
  },
  {
    name: 'server',
    pid: (system) => firstOf(system, server),
    works: (system) => psql(system, 'SELECT 1'),
  },
  {
    name: 'driver',
    pid: (system) => driverOf(system, cache),
    // The next call starts another one.
    works: (system) => system.console('devices:logs', cache),
  },
]

/** Looked for beforehand: between the step and the death there is no time for it. */
export async function aim({ name, pid, works }: Victim, system: System) {
  const found = await pid(system)
  return {
    kill: () => signal(found, 'SIGKILL'),
    async isBack() {
      const answers = () =>
        works(system).then(
          () => true,
          () => false,
        )
      await until(`${name} is back`, async () => !(await lives(found)) && (await answers()), 60)
    },
  }
}
