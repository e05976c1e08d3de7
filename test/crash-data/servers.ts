/** The servers of the devices: their containers and processes as the machine sees them, and what they say themselves. */
import { family, processes } from '../crash/processes.ts'
import { quickly } from '../quickly.ts'
import type { System } from '../system.ts'

/** The device that keeps the databases, and the one whose driver runs in a container. */
export const server = 'postgres'
export const cache = 'cache'

/** Lines that the server answers; the door is its own socket, inside its container. */
export async function psql(system: System, statement: string): Promise<string[]> {
  const client = ['psql', '-U', 'postgres', '-h', '/var/lib/megapolos', '-Atc', statement]
  const said = await quickly('docker', 'exec', '--user', 'postgres', await containerOf(system, server), ...client)
  return said.split('\n').filter(Boolean)
}

/** The first process of the container of a device. */
export const firstOf = async (system: System, device: string) => pidOf(await containerOf(system, device))

/** The process that lets clients in: those that are in go on without it. */
export async function gatekeepers(system: System): Promise<number[]> {
  const inside = await family(await firstOf(system, server))
  const found = await processes((words) => words[0] === 'postgres' && words.includes('-D'))
  return found.map(({ pid }) => pid).filter((pid) => inside.includes(pid))
}

/** The driver that runs in a container, as one process. */
export async function driverOf(system: System, device: string): Promise<number> {
  const [found] = await containers(system, `label=megapolos.driver=${device}`)
  if (!found) throw new Error(`the driver of ${device} does not run`)
  return pidOf(found)
}

async function containerOf(system: System, device: string): Promise<string> {
  const [found] = await containers(system, `label=megapolos.device=${device}`)
  if (!found) throw new Error(`${device} has no container that runs`)
  return found
}

async function containers({ label }: System, filter: string): Promise<string[]> {
  const asked = ['ps', '--quiet', '--filter', `label=megapolos.system=${label}`, '--filter', filter]
  return (await quickly('docker', ...asked)).split('\n').filter(Boolean)
}

async function pidOf(container: string): Promise<number> {
  return Number(await quickly('docker', 'inspect', '--format', '{{.State.Pid}}', container))
}
