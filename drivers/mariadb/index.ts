/** The `database` class on MariaDB: one server, a database and its logins for whoever is attached. */
import type { DatabaseDriver, Login, Reach } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import { create, drop, grant, list, logins, revoke } from './accounts.ts'
import { adopt, adoptedDoor, adoptedOf } from './adopt.ts'
import { dump, inspect } from './dump.ts'
import { answers, container, containerDoor, install, reach } from './install.ts'
import { restore } from './restore.ts'
import { ask, type Door, words } from './sql.ts'

export function createDriver(host: DriverHost): DatabaseDriver {
  const door = async (): Promise<Door> => {
    const adopted = await adoptedOf(host)
    return adopted ? adoptedDoor(host, adopted) : containerDoor(host)
  }
  return {
    install: (options, progress) => install(host, options, progress),
    adopt: (settings, progress) => adopt(host, settings, progress),
    uninstall: () => uninstall(host),
    restart: () => restart(host),
    status: async () => status(await door()),
    logs: async (lines) => ((await adoptedOf(host)) ? [] : host.containers.logs(container, lines)),

    create: async (database) => create(await door(), database),
    drop: async (database) => drop(await door(), database),
    list: async () => list(await door()),

    async grant(database, login) {
      await grant(await door(), database, login)
      return reachOf(host, database)
    },
    revoke: async (database, user) => revoke(await door(), database, user),
    logins: async (database) => logins(await door(), database),

    inspect: async (database, signal = new AbortController().signal) => inspect(await door(), database, signal),
    dump: async (database, signal) => dump(await door(), database, signal),
    restore: async (database, bytes, signal) => restore(await door(), database, bytes, signal),
    connect: (database, login) => connect(host, database, login),
  }
}

async function uninstall(host: DriverHost): Promise<void> {
  if (await adoptedOf(host)) return host.secrets.set('adopted', null)
  await host.containers.remove(container, 60)
  await host.containers.removeVolume('data')
  await host.network.release(container)
  await host.secrets.set('certificate', null)
}

async function restart(host: DriverHost): Promise<void> {
  if (await adoptedOf(host)) {
    throw new UserError('refused', 'This server was there before; it is restarted where it runs.')
  }
  await host.containers.restart(container)
  await answers(host)
}

async function status(door: Door) {
  try {
    const [row] = await ask(door, 'SELECT VERSION();')
    return { running: true, version: /^[\d.]+/.exec(row?.[0] ?? '')?.[0] ?? null, problem: null }
  } catch (error) {
    return { running: false, version: null, problem: messageOf(error) }
  }
}

async function reachOf(host: DriverHost, database: string): Promise<Reach> {
  const { host: address, port } = (await adoptedOf(host)) ?? (await reach(host))
  return { host: address, port, database }
}

async function connect(host: DriverHost, database: string, { user, password }: Login) {
  const adopted = await adoptedOf(host)
  const door = adopted ? adoptedDoor(host, adopted) : containerDoor(host)
  const env = { MYSQL_PWD: password }
  const command = [...words(door, 'mariadb', { words: [`--user=${user}`], env, user: 'nobody' }), database]
  // Nobody: what is typed there may start programs.
  const exec = { command, env, user: 'nobody' }
  return adopted ? { in: 'node' as const, exec } : { in: 'container' as const, container, exec }
}
