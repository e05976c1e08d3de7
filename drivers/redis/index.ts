/** The `database` class on Redis. One server cannot keep apps apart, so every database is a server of its own. */
import type { DatabaseDriver, Login, ServerStatus } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { grant, logins, revoke } from './accounts.ts'
import { say } from './cli.ts'
import { dump, inspect } from './dump.ts'
import { restore } from './restore.ts'
import { sweepScratch } from './scratch.ts'
import { doorOf, install, installed, list, mustBeThere, port, remove, restart, start } from './server.ts'

export function createDriver(host: DriverHost): DatabaseDriver {
  const inTurn = createTurns()
  const door = async (database: string) => {
    await mustBeThere(host, database)
    return doorOf(host, database)
  }
  return {
    install: (options, progress) => install(host, options, progress),
    adopt: async () => {
      throw new UserError(
        'refused',
        'A Redis that is there already cannot be shared out to apps.',
        'devices:install redis',
      )
    },
    async uninstall() {
      for (const database of await list(host)) await remove(host, database)
      await sweepScratch(host)
      await host.secrets.set('installed', null)
    },
    async restart() {
      await Promise.all((await list(host)).map((database) => restart(host, database)))
    },
    status: () => status(host),
    logs: (lines) => logs(host, lines),

    create: (database) => inTurn(database, () => start(host, database)),
    drop: (database) => inTurn(database, () => remove(host, database)),
    list: () => list(host),

    async grant(database, login) {
      await grant(await door(database), login)
      return { ...(await host.network.endpoint(database, port)), database: '0' }
    },
    revoke: async (database, user) => revoke(await door(database), user),
    logins: async (database) => logins(await door(database)),

    inspect: (database, signal = new AbortController().signal) => inspect(host, database, signal),
    dump: (database, signal) => dump(host, database, signal),
    restore: (database, bytes, signal) => restore(host, database, bytes, signal),
    connect: async (database, login) => connect(database, login),
  }
}

/** What makes and removes the same database happens one after another. */
function createTurns() {
  const last = new Map<string, Promise<unknown>>()
  return <T>(database: string, act: () => Promise<T>): Promise<T> => {
    const mine = (last.get(database) ?? Promise.resolve()).then(act)
    const settled: Promise<unknown> = mine
      .catch(() => {})
      .then(() => last.get(database) === settled && last.delete(database))
    last.set(database, settled)
    return mine
  }
}

async function status(host: DriverHost): Promise<ServerStatus> {
  const { version } = await installed(host)
  const databases = await list(host)
  const away = await Promise.all(
    databases.map(async (database) => {
      const answer = say(await doorOf(host, database), ['PING'], 5)
      return answer.then(
        () => [],
        () => [database],
      )
    }),
  )
  const names = away.flat()
  if (names.length === 0) return { running: true, version, problem: null }
  return { running: false, version: null, problem: `Redis does not answer for ${names.join(', ')}.` }
}

async function logs(host: DriverHost, lines: number): Promise<string[]> {
  const all = await Promise.all(
    (await list(host)).map(async (database) =>
      (await host.containers.logs(database, lines)).map((line) => `${database}: ${line}`),
    ),
  )
  return all.flat()
}

function connect(database: string, { user, password }: Login) {
  const exec = { command: ['redis-cli', '--user', user], env: { REDISCLI_AUTH: password }, user: 'nobody' }
  return { in: 'container' as const, container: database, exec }
}
