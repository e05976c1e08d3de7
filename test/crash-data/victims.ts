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

/** Resolves with a function that waits until it is back. */
export async function kill(victim: Victim, system: System): Promise<() => Promise<void>> {
  const pid = await victim.pid(system)
  signal(pid, 'SIGKILL')
  await until(`${victim.name} is dead`, async () => !(await lives(pid)))
  return () =>
    until(
      `${victim.name} is back`,
      () =>
        victim.works(system).then(
          () => true,
          () => false,
        ),
      60,
    )
}
