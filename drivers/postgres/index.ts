/** PostgreSQL, driven through its own programs: psql, pg_dump and pg_restore, wherever the server is. */
import { setTimeout as pause } from 'node:timers/promises'
import type { DatabaseDriver, InstallOptions, ServerStatus } from '../../server/devices/classes/database.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import { adopt, adoptedPlace } from './adopted.ts'
import { containerPlace, installContainer } from './container.ts'
import { inspect } from './contents.ts'
import { create, drop, grant, list, logins, notFound, revoke } from './databases.ts'
import { dump } from './dump.ts'
import { askedNow, forgetInstalled, type Installed, noteInstalled, readInstalled } from './installed.ts'
import { installNode, nodePlace } from './node.ts'
import type { Place } from './place.ts'
import { ask } from './psql.ts'
import { restore } from './restore.ts'

export function createDriver(host: DriverHost): DatabaseDriver {
  const place = async () => placeOf(host, await installedOn(host))
  /** Of a database that is not there the server would only say that it cannot let anybody in. */
  const placeOfDatabase = async (database: string) => {
    const here = await place()
    if ((await list(here)).includes(database)) return here
    throw notFound(database)
  }
  return {
    install: (options, progress) => install(host, options, progress),
    async adopt(settings, progress) {
      await noteInstalled(host, await adopt(host, settings, progress))
    },
    async uninstall() {
      const installed = await readInstalled(host)
      if (installed !== null) await placeOf(host, installed).uninstall()
      await host.secrets.set('certificate', null)
      await forgetInstalled(host)
    },
    async restart() {
      const here = await place()
      await here.restart()
      await answers(here)
    },
    status: async () => status(await place()),
    logs: async (lines) => (await place()).logs(lines),

    create: async (database) => create(await place(), database),
    drop: async (database) => drop(await place(), database),
    list: async () => list(await place()),
    async grant(database, login) {
      const here = await place()
      await grant(here, database, login)
      return { ...(await here.reach()), database }
    },
    revoke: async (database, user) => revoke(await place(), database, user),
    logins: async (database) => logins(await place(), database),

    inspect: async (database, signal) => inspect(await placeOfDatabase(database), database, signal),
    dump: async (database, signal) => dump(await placeOfDatabase(database), database, signal),
    restore: async (database, bytes, signal) => restore(await placeOfDatabase(database), database, bytes, signal),
    async connect(database, { user, password }) {
      const here = await place()
      const env = { ...here.door, PGUSER: user, PGPASSWORD: password }
      return here.connect({ command: [here.program('psql'), '-d', database], env })
    },
  }
}

async function install(host: DriverHost, options: InstallOptions, progress: (line: string) => void): Promise<void> {
  const before = await readInstalled(host)
  if (before !== null && before.as !== options.as) {
    throw new UserError('refused', `This device is installed as ${before.as} already.`, 'Give another name: --name')
  }
  const asked = askedNow(before, options.version)
  const { as } = options
  // Noted first, so that one that was killed can be removed.
  if (before === null) await noteInstalled(host, { as, version: null, asked })
  const work = as === 'node' ? installNode : installContainer
  const known = await work(host, { ...options, version: asked }, progress)
  const here = placeOf(host, { as, version: known, asked })
  await answers(here)
  await noteInstalled(host, { as, version: await majorOf(here), asked })
  // What comes with the server is nobody's to enter.
  await ask(here, 'postgres', 'REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;')
}

async function installedOn(host: DriverHost): Promise<Installed> {
  const installed = await readInstalled(host)
  if (installed !== null) return installed
  throw new UserError(
    'unavailable',
    `${host.device} is not installed.`,
    'Its installation was cut off: devices:install',
  )
}

function placeOf(host: DriverHost, installed: Installed): Place {
  if (installed.as === 'container') return containerPlace(host)
  if (installed.as === 'node') return nodePlace(host, installed.version ?? '')
  return adoptedPlace(host, installed)
}

async function status(place: Place): Promise<ServerStatus> {
  try {
    const [version = null] = await ask(
      place,
      'postgres',
      `SELECT split_part(current_setting('server_version'), ' ', 1);`,
      {
        deadline: 10_000,
      },
    )
    return { running: true, version, problem: null }
  } catch (error) {
    const why = error instanceof UserError ? (error.detail[0] ?? error.message) : messageOf(error)
    return {
      running: false,
      version: null,
      problem: (await place.problem()) ?? `It does not answer: ${why.replace(/\.?$/, '.')}`,
    }
  }
}

const startsWithin = 120_000

/** Resolves when the server does; after a crash it first reads its log. */
async function answers(place: Place): Promise<void> {
  for (const end = Date.now() + startsWithin; ; await pause(200)) {
    const { running, problem } = await status(place)
    if (running) return
    if (Date.now() < end) continue
    const log = await place.logs(10).catch(() => [])
    throw new UserError('unavailable', `The PostgreSQL server does not come up. ${problem}`, undefined, log)
  }
}

async function majorOf(place: Place): Promise<string> {
  const [major = ''] = await ask(place, 'postgres', `SELECT current_setting('server_version_num')::int / 10000;`)
  return major
}
