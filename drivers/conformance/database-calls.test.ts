/** What is tried without a client sees wrong drivers, too. */
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { Readable } from 'node:stream'
import type { DatabaseDriver } from '../../server/devices/classes/database.ts'
import { barePromises } from './database-bare.ts'
import { callPromises } from './database-calls.ts'
import type { DatabaseUnderTest } from './database-under-test.ts'
import { memoryDatabase } from './memory-for-test.ts'
import type { Mutant } from './promises.ts'
import { keepsPromises, mutantsAreCaught } from './suite.ts'

const promises = { ...callPromises, ...barePromises }
const never = () => new Promise<never>(() => {})

const mutants: Readonly<Record<string, Mutant<DatabaseDriver>>> = {
  'granting again is another login': {
    breaks: 'every call can be repeated, and does only what is missing',
    wrong: (right) => {
      const granted = new Map<string, string[]>()
      return {
        async grant(database, login) {
          granted.set(database, [...(granted.get(database) ?? []), login.user])
          return right.grant(database, login)
        },
        logins: async (database) => granted.get(database) ?? [],
      }
    },
  },

  'dropping keeps the logins for the next of that name': {
    breaks: 'no login comes back with the name of a dropped database',
    wrong: (right) => {
      const kept = new Map<string, string[]>()
      return {
        async drop(database) {
          kept.set(database, await right.logins(database).catch(() => []))
          await right.drop(database)
        },
        async create(database) {
          await right.create(database)
          for (const user of kept.get(database) ?? []) await right.grant(database, { user, password: '' })
        },
      }
    },
  },

  'a restart moves it to another address': {
    breaks: 'another installation and a restart keep databases, logins and addresses',
    wrong: (right) => {
      let moved = 0
      return {
        async restart() {
          moved += 1
        },
        async grant(database, login) {
          const reach = await right.grant(database, login)
          return { ...reach, port: reach.port + moved }
        },
      }
    },
  },

  'nobody listens where it sends apps': {
    breaks: 'where a login leads, somebody listens',
    sees: 'somebody listens at 127.0.0.1:1',
    wrong: (right) => ({ grant: async (database, login) => ({ ...(await right.grant(database, login)), port: 1 }) }),
  },

  'revoking revokes everywhere': {
    breaks: 'what is done to one database changes nothing of another',
    wrong: (right) => ({
      async revoke() {
        for (const database of await right.list())
          for (const user of await right.logins(database)) await right.revoke(database, user)
      },
    }),
  },

  'what is being made cannot be asked for': {
    breaks: 'five databases may be made, opened and dropped at the same time',
    sees: 'is being made',
    wrong: (right) => {
      const busy = new Set<string>()
      return {
        async create(database) {
          if (busy.has(database)) throw new Error(`${database} is being made`)
          busy.add(database)
          await right.create(database)
          busy.delete(database)
        },
      }
    },
  },

  'connect has the password in its words': {
    breaks: 'no password is in the words of any program while logins come and go, nor in the log',
    sees: 'in its words',
    wrong: () => ({
      connect: async (_, { password }) => ({ in: 'node', exec: { command: ['client', `--password=${password}`] } }),
    }),
  },

  'looking counts': {
    breaks: 'two empty databases have the same contents, and looking changes nothing',
    wrong: () => {
      let looks = 0
      return { inspect: async () => ({ tables: [], definitions: [String(looks++)] }) }
    },
  },

  'a dump is taken for whole': {
    breaks: 'the dump of an empty database that is cut anywhere is refused',
    sees: 'it succeeded',
    wrong: () => ({ restore: async (_: string, bytes: Readable) => void bytes.resume() }),
  },

  'cancelling is not heard': {
    breaks: 'what is cancelled ends at once, as cancelled',
    sees: 'did not end within',
    wrong: (right) => ({ restore: (database, bytes) => right.restore(database, bytes, new AbortController().signal) }),
  },

  'a call never ends': {
    breaks: 'every call can be repeated, and does only what is missing',
    sees: 'logins did not end within',
    wrong: () => ({ logins: never }),
  },
}

async function make(): Promise<DatabaseUnderTest> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const driver = memoryDatabase((server.address() as { port: number }).port)
  return {
    ...{ driver, again: () => driver, install: async () => {}, client: null, kill: null, freeze: null, patience: 1 },
    remove: async () => void server.close(),
  }
}

keepsPromises('a database in memory keeps what is tried without a client', make, promises)
mutantsAreCaught('wrong databases are caught without a client', make, promises, mutants)
