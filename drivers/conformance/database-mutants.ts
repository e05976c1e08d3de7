/** Drivers that are right but for one thing each. A suite that does not see it would prove nothing. */
import { spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import type { Contents, DatabaseDriver, Login } from '../../server/devices/classes/database.ts'
import type { Mutant } from './promises.ts'

const dumpIsWhole = 'what is dumped and restored is the same: values, definitions, contents'
const revokeIsFinal = 'a revoked login is out at once and for good, others stay, and it can be repeated'
const createTwice = 'creating a database twice is creating it once, and leaves what is in it'
const contentsTell = 'contents tell one changed value, one row more, two values exchanged, and that all is as it was'

export const databaseMutants: Readonly<Record<string, Mutant<DatabaseDriver>>> = {
  'a dump without its last bytes': {
    breaks: dumpIsWhole,
    wrong: (right) => ({
      async dump(database, signal) {
        const { bytes, contents } = await right.dump(database, signal)
        return { bytes: Readable.from(withoutEnd(bytes, 20)), contents }
      },
    }),
  },

  'creating what is there fails': {
    breaks: createTwice,
    sees: 'it exists',
    wrong: (right) => ({
      async create(database) {
        if ((await right.list()).includes(database)) throw new Error('it exists')
        await right.create(database)
      },
    }),
  },

  'creating what is there empties it': {
    breaks: createTwice,
    wrong: (right) => ({
      async create(database) {
        await right.drop(database)
        await right.create(database)
      },
    }),
  },

  'dropping leaves the logins, and they come back': {
    breaks: 'dropping takes the data and the logins, though somebody is connected, and can be repeated',
    sees: 'deep-equal',
    wrong: (right) => {
      const left = new Map<string, Login[]>()
      return {
        async grant(database, login) {
          left.set(database, [...(left.get(database) ?? []), login])
          return right.grant(database, login)
        },
        async create(database) {
          await right.create(database)
          for (const login of left.get(database) ?? []) await right.grant(database, login)
        },
      }
    },
  },

  'restoring ignores errors': {
    breaks: 'what is no dump is refused, and the database stays as it was',
    sees: 'it succeeded',
    wrong: (right) => ({ restore: (...words) => right.restore(...words).catch(() => {}) }),
  },

  'a password in the words of a program': {
    breaks: 'no password is in the words of any program while calls run, nor in the log',
    sees: 'in the process list',
    wrong: (right) => ({
      async grant(database, login) {
        spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1000)', login.password], { stdio: 'ignore' })
        return right.grant(database, login)
      },
    }),
  },

  'a call that never ends': {
    breaks: revokeIsFinal,
    sees: 'revoke did not end within',
    wrong: () => ({ revoke: () => new Promise(() => {}) }),
  },

  'revoking does nothing': {
    breaks: revokeIsFinal,
    sees: 'its session goes on',
    wrong: () => ({ revoke: async () => {} }),
  },

  'revoking what is gone fails': {
    breaks: revokeIsFinal,
    sees: 'no such login',
    wrong: (right) => ({
      async revoke(database, user) {
        if (!(await right.logins(database)).includes(user)) throw new Error('no such login')
        await right.revoke(database, user)
      },
    }),
  },

  'contents as they were the first time': {
    breaks: contentsTell,
    sees: 'unseen',
    wrong: (right) => {
      const known = new Map<string, Contents>()
      return {
        async inspect(database, signal) {
          const contents = known.get(database) ?? (await right.inspect(database, signal))
          known.set(database, contents)
          return contents
        },
      }
    },
  },

  'contents that only count rows': {
    breaks: contentsTell,
    sees: 'unseen',
    wrong: (right) =>
      changedContents(right, ({ tables, definitions }) => ({
        tables: tables.map((table) => ({ ...table, checksum: String(table.rows) })),
        definitions,
      })),
  },

  'contents without definitions': {
    breaks: 'contents tell a missing definition',
    sees: 'deep-equal',
    wrong: (right) => changedContents(right, ({ tables }) => ({ tables, definitions: [] })),
  },

  'contents of another moment than the dump': {
    breaks: 'a dump during heavy writes is one moment, its contents are of the same one, and the writers go on',
    sees: 'deep-equal',
    wrong: (right) => ({
      async dump(database, signal) {
        const { bytes, contents } = await right.dump(database, signal)
        return { bytes, contents: contents.then(() => right.inspect(database)) }
      },
    }),
  },

  'a dump that is not read is called whole': {
    breaks: 'a dump that nobody reads to its end is not whole, and nothing of it goes on',
    sees: 'it succeeded',
    wrong: (right) => ({
      async dump(database, signal) {
        const contents = right.inspect(database)
        return { bytes: (await right.dump(database, signal)).bytes, contents }
      },
    }),
  },

  'cancelling is not heard': {
    breaks: 'a cancelled dump or inspection ends at once, as cancelled',
    sees: 'it went on after it was cancelled',
    wrong: (right) => ({ dump: (database) => right.dump(database, new AbortController().signal) }),
  },

  'a restore into what is full': {
    breaks: 'a database that has something in it is not filled, and keeps what it has',
    sees: 'it succeeded',
    wrong: (right) => ({
      async restore(database, bytes, signal) {
        await right.drop(database)
        await right.create(database)
        await right.restore(database, bytes, signal)
      },
    }),
  },
}

function changedContents(right: DatabaseDriver, change: (contents: Contents) => Contents): Partial<DatabaseDriver> {
  return {
    inspect: async (database, signal) => change(await right.inspect(database, signal)),
    async dump(database, signal) {
      const { bytes, contents } = await right.dump(database, signal)
      return { bytes, contents: contents.then(change) }
    },
  }
}

async function* withoutEnd(bytes: Readable, missing: number): AsyncGenerator<Buffer> {
  let held: Buffer = Buffer.alloc(0)
  for await (const chunk of bytes) {
    held = Buffer.concat([held, chunk as Buffer])
    if (held.length <= missing) continue
    yield held.subarray(0, held.length - missing)
    held = held.subarray(held.length - missing)
  }
}
