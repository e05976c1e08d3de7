/** A database in the memory of this process: right, and quick enough to try the suite itself on. */
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { Contents, DatabaseDriver } from '../../server/devices/classes/database.ts'
import { UserError } from '../../server/errors.ts'

/** Nobody writes in it, so its databases hold nothing. */
const nothing: Contents = { tables: [], definitions: [] }
const whole = 'BEGIN nothing END'

/** `port`: on the loopback, where somebody listens. */
export function memoryDatabase(port: number): DatabaseDriver {
  const databases = new Map<string, Set<string>>()
  const loginsOf = (database: string) => {
    const logins = databases.get(database)
    if (logins) return logins
    throw new UserError('not-found', `There is no database ${database}.`)
  }
  return {
    install: async () => {},
    adopt: async () => {},
    uninstall: async () => databases.clear(),
    restart: async () => {},
    status: async () => ({ running: true, version: '1.0', problem: null }),
    logs: async () => [],
    async create(database) {
      if (!databases.has(database)) databases.set(database, new Set())
    },
    drop: async (database) => void databases.delete(database),
    list: async () => [...databases.keys()],
    async grant(database, { user }) {
      loginsOf(database).add(user)
      return { host: '127.0.0.1', port, database }
    },
    revoke: async (database, user) => void databases.get(database)?.delete(user),
    logins: async (database) => [...loginsOf(database)],
    async inspect(database, signal) {
      stopIfAborted(signal)
      loginsOf(database)
      return nothing
    },
    async dump(database, signal) {
      stopIfAborted(signal)
      loginsOf(database)
      return { bytes: Readable.from([Buffer.from(whole)]), contents: Promise.resolve(nothing) }
    },
    async restore(database, bytes, signal) {
      loginsOf(database)
      const cancelled = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(stopped())))
      if ((await Promise.race([text(bytes), cancelled])) !== whole) throw new UserError('refused', 'It is not whole.')
    },
    connect: async () => ({ in: 'node', exec: { command: ['true'] } }),
  }
}

function stopIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw stopped()
}

function stopped(): UserError {
  return new UserError('cancelled', 'It was cancelled.')
}
