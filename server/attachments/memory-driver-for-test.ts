/** For tests only: stands in for a database server. Databases are a few rows, and a login is a word that opens one. */
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Contents, DatabaseDriver, Login } from '../devices/classes/database.ts'
import type { Manifest } from '../domain/device.ts'
import { UserError } from '../errors.ts'
import type { DatabaseDevices } from './parts.ts'

export interface MemoryServer {
  readonly databases: Map<string, MemoryDatabase>
  readonly driver: DatabaseDriver
  /** While it is away every call fails. */
  away: boolean
}

interface MemoryDatabase {
  readonly rows: string[]
  readonly logins: Map<string, string>
}

export function memoryServer(): MemoryServer {
  const databases = new Map<string, MemoryDatabase>()
  const server: MemoryServer = { databases, away: false, driver: guarded() }
  return server

  function guarded(): DatabaseDriver {
    const driver = memoryDriver(databases)
    const guard = (call: (...args: never[]) => Promise<unknown>) => {
      return async (...args: never[]) => {
        if (server.away) throw new UserError('unavailable', 'The database server does not answer.')
        return call(...args)
      }
    }
    return Object.fromEntries(Object.entries(driver).map(([name, call]) => [name, guard(call)])) as never
  }
}

const host = '10.90.248.1'
const port = 5432

function memoryDriver(databases: Map<string, MemoryDatabase>): DatabaseDriver {
  const of = (name: string): MemoryDatabase => {
    const found = databases.get(name)
    if (found) return found
    throw new UserError('refused', `There is no database ${name}.`)
  }
  const inspect = async (name: string): Promise<Contents> => {
    const { rows } = of(name)
    const tables = rows.length > 0 ? [{ name: 'rows', rows: rows.length, checksum: rows.join() }] : []
    return { tables, definitions: [] }
  }
  return {
    install: async () => {},
    adopt: async () => {},
    uninstall: async () => databases.clear(),
    restart: async () => {},
    status: async () => ({ running: true, version: '1.0', problem: null }),
    logs: async (lines) => Array.from({ length: Math.min(lines, 3) }, (_, n) => `line ${n + 1}`),
    create: async (name) => {
      if (!databases.has(name)) databases.set(name, { rows: [], logins: new Map() })
    },
    drop: async (name) => void databases.delete(name),
    list: async () => [...databases.keys()].sort(),
    async grant(name: string, { user, password }: Login) {
      of(name).logins.set(user, password)
      return { host, port, database: name }
    },
    revoke: async (name, user) => void databases.get(name)?.logins.delete(user),
    logins: async (name) => [...of(name).logins.keys()].sort(),
    inspect,
    async dump(name) {
      return { bytes: Readable.from([Buffer.from(JSON.stringify(of(name).rows))]), contents: inspect(name) }
    },
    async restore(name, bytes) {
      const text = (await buffer(bytes)).toString()
      try {
        of(name).rows.push(...JSON.parse(text))
      } catch {
        throw new UserError('refused', 'The dump is not whole.')
      }
    },
    connect: async (name) => ({ in: 'node', exec: { command: ['client', name] } }),
  }
}

export const memoryManifest: Manifest = {
  ...{ name: 'memory', version: '1.0.0', class: 'database', contract: 1, runs: 'module', description: 'For tests' },
  ...{ privileges: [], aliases: ['mem', 'heroku-memory'], installs: ['container'], versions: ['1'], image: null },
  attach: {
    as: 'DATABASE',
    env: { '{AS}_URL': '{url}' },
    url: 'memory://{user}:{password}@{host}:{port}/{database}',
  },
}

/** Device → its server; all of the driver above. */
export function memoryDevices(servers: Readonly<Record<string, MemoryServer>>): DatabaseDevices {
  return {
    database: async (device) => {
      const server = servers[device]
      if (server) return server.driver
      throw new UserError('not-found', `There is no database server named ${device}.`)
    },
    manifests: () => [memoryManifest],
  }
}
