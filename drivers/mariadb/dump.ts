/** A dump and the contents of the same moment, while writers go on. */
import type { Contents, Dump } from '../../server/devices/classes/database.ts'
import type { Process } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { type Session, whileRead } from '../shared/client.ts'
import { cancelled, dumpStream } from '../shared/dump-stream.ts'
import { use } from './accounts.ts'
import { beginSnapshot, readContents, readDefinitions, readTables } from './contents.ts'
import { type Door, failure, open, words } from './sql.ts'

export async function inspect(door: Door, database: string, signal: AbortSignal): Promise<Contents> {
  return orCancelled(signal, async () => {
    return inSession(door, signal, async (session) => {
      await session.ask(use(database))
      await beginSnapshot(session)
      return readContents(session, database)
    })
  })
}

/**
 * Two sessions cannot share a snapshot, so the one of the dump and the one that counts begin theirs while no transaction
 * can commit: some milliseconds. Definitions are not part of a snapshot; they are read while none can change, and once
 * more at the end.
 */
export async function dump(door: Door, database: string, signal: AbortSignal): Promise<Dump> {
  return orCancelled(signal, async () => {
    const over = new AbortController()
    const both = AbortSignal.any([signal, over.signal])
    const snapshot = await begin(door, database, both).catch((error) => {
      over.abort()
      throw error
    })
    const { bytes, whole } = dumpStream(pass(snapshot), signal, () => over.abort())
    const contents = orCancelled(signal, () => read(snapshot, database, whole))
    // Whoever only wants the bytes may not look at it.
    contents.catch(() => {})
    return { bytes, contents }
  })
}

/** What mariadb-dump writes last, and only when everything before it went well. */
export const lastLine = /(?:^|\n)-- Dump completed(?: on [^\n]*)?\n$/
export const longestEnd = 200

interface Snapshot {
  readonly process: Process
  /** The first bytes of the dump; null: there are none. */
  readonly first: Buffer | null
  readonly rest: AsyncIterator<Buffer>
  /** Sees the same moment. */
  readonly session: Session
  readonly definitions: readonly string[]
}

async function begin(door: Door, database: string, signal: AbortSignal): Promise<Snapshot> {
  const session = await open(door, signal)
  await session.ask(use(database))
  return inSession(door, signal, async (lock) => {
    await lock.ask(
      'SET SESSION lock_wait_timeout = 30; BACKUP STAGE START; BACKUP STAGE FLUSH; BACKUP STAGE BLOCK_DDL;',
    )
    const definitions = await readDefinitions(session, database)
    await lock.ask('BACKUP STAGE BLOCK_COMMIT;')
    await beginSnapshot(session)
    const { env, user } = door.admin
    const command = whileRead([...words(door, 'mariadb-dump'), ...how, database])
    const process = await door.start({ command, env, user, signal })
    // Its bytes come in blocks, and the first one is full only when its snapshot has begun.
    const rest = (process.stdout as AsyncIterable<Buffer>)[Symbol.asyncIterator]()
    const { value, done } = await rest.next()
    await lock.ask('BACKUP STAGE END;')
    return { process, first: done ? null : value, rest, session, definitions }
  })
}

const how = [
  ...['--single-transaction', '--quick', '--routines', '--events', '--triggers', '--hex-blob', '--skip-dump-date'],
  ...['--default-character-set=utf8mb4', '--max-allowed-packet=1G'],
]

/** Passes the bytes on; ends well only when they are whole. */
async function* pass({ process, first, rest }: Snapshot): AsyncGenerator<Buffer, void> {
  let tail = ''
  for (let chunk = first; chunk !== null; chunk = await next(rest)) {
    tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - longestEnd))).slice(-longestEnd)
    yield chunk
  }
  process.stdin.end()
  const ended = await process.ended
  if (ended.code !== 0) throw failure(ended)
  if (!lastLine.test(tail)) throw new UserError('unavailable', 'The dump of MariaDB broke off.')
}

async function next(rest: AsyncIterator<Buffer>): Promise<Buffer | null> {
  const { value, done } = await rest.next()
  return done ? null : value
}

async function read({ session, definitions }: Snapshot, database: string, whole: Promise<void>): Promise<Contents> {
  const tables = await readTables(session, database).catch(async (error) => {
    // A dump that broke off ends the session as well, and knows why.
    await whole
    throw error
  })
  await whole
  const now = await readDefinitions(session, database)
  await session.close()
  if (now.join('\n') !== definitions.join('\n')) {
    throw new UserError('refused', 'Tables were changed while they were dumped.', 'Dump it again.')
  }
  return { tables, definitions }
}

async function inSession<T>(door: Door, signal: AbortSignal, act: (session: Session) => Promise<T>): Promise<T> {
  const session = await open(door, signal)
  try {
    return await act(session)
  } finally {
    await session.close()
  }
}

async function orCancelled<T>(signal: AbortSignal, act: () => Promise<T>): Promise<T> {
  try {
    const early = cancelled(signal)
    if (early) throw early
    return await act()
  } catch (error) {
    throw cancelled(signal) ?? error
  }
}
