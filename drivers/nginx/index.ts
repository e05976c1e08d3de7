/** The `proxy` class on Debian's nginx with its Lua module: routes live in shared memory and change without a reload. */
import { availableParallelism } from 'node:os'
import type { ProxyDriver, ProxyStatus } from '../../server/devices/classes/proxy.ts'
import type { HostBasics } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { turnOver } from './access.ts'
import { readAccessLog } from './access-log.ts'
import { apply, type Connection } from './apply.ts'
import { mostWorkers, type Paths, type Settings } from './config.ts'
import { callControl, okay } from './control.ts'
import { commandOf, installFiles, pathsOf } from './files.ts'
import { createSaved } from './saved.ts'

export function createDriver(host: HostBasics): ProxyDriver {
  const paths = pathsOf(host.folder, host.system)
  const settings = readSettings(host.settings)
  const connection: Connection = { paths, saved: createSaved(paths), host }
  let turn: Promise<unknown> = Promise.resolve()
  return {
    install: async () => ({ changed: await installFiles(paths, settings) }),
    command: () => commandOf(paths),
    // One after another: the last one called is the one that stays, in nginx and in the file.
    apply(table, parts) {
      const mine = turn.then(() => apply(connection, table, parts))
      turn = mine.catch(() => {})
      return mine
    },
    inflight: (targets) => inflight(paths, targets),
    async status() {
      // Asked for every few seconds, and so the time to look after what grows meanwhile.
      await turnOver(paths).catch((error) => host.log.error('the access log was not turned over', error))
      return status(paths)
    },
    accessLog: (app, options) => readAccessLog(paths.accessLog, app, options),
  }
}

function readSettings(given: HostBasics['settings']): Settings {
  const { httpPort, httpsPort = null, internal = null, workers = usualWorkers(), ...unknown } = given
  const extra = Object.keys(unknown)[0]
  if (extra !== undefined) throw new UserError('usage', `The nginx driver has no setting ${extra}.`)
  if (typeof httpPort !== 'number') throw new UserError('usage', 'The nginx driver needs the setting httpPort.')
  if (typeof workers !== 'number' || workers < 1 || workers > mostWorkers) {
    throw new UserError('usage', `The setting workers is ${workers}; it must be a number from 1 to ${mostWorkers}.`)
  }
  if (httpsPort !== null && typeof httpsPort !== 'number') {
    throw new UserError('usage', `The setting httpsPort is ${httpsPort}; it must be a number.`)
  }
  if (internal !== null && (typeof internal !== 'string' || !/^[\d.]+:\d+$/.test(internal))) {
    throw new UserError('usage', `The setting internal is ${internal}; it must be an IPv4 address and a port.`)
  }
  return { httpPort, httpsPort, internal, workers }
}

const usualWorkers = () => Math.min(availableParallelism(), mostWorkers)

async function inflight(paths: Paths, targets: readonly string[]): Promise<Readonly<Record<string, number>>> {
  const answer = await callControl(paths.socket, '/inflight', JSON.stringify(targets))
  return JSON.parse(okay(answer)) as Record<string, number>
}

interface NginxStatus {
  readonly hosts: number
  readonly requests: number
  readonly table?: string
}

const notRunning: ProxyStatus = { running: false, hosts: 0, requests: 0, table: null }

async function status(paths: Paths): Promise<ProxyStatus> {
  try {
    const { hosts, requests, table } = JSON.parse(okay(await callControl(paths.socket, '/status'))) as NginxStatus
    return { running: true, hosts, requests, table: table ?? null }
  } catch (error) {
    if (error instanceof UserError && error.code === 'unavailable') return notRunning
    throw error
  }
}
