/** Fills an empty database from a dump: all of it, or nothing. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { UserError } from '../../server/errors.ts'
import type { Start } from '../shared/client.ts'
import { run } from '../shared/client.ts'
import { cancelled } from '../shared/dump-stream.ts'
import { empty, isOwnerUnlocked, mustBeThere, ownerOf, unlockOwner } from './accounts.ts'
import { withoutDefiners } from './definers.ts'
import { lastLine, longestEnd } from './dump.ts'
import { ask, type Door, failure, quoted, words } from './sql.ts'

/**
 * A dump is somebody's text, so it is read as the owner of the database, who may do nothing elsewhere, by a client that
 * touches no files. That the owner can log in is the mark of a restore that was broken off.
 */
export async function restore(door: Door, database: string, bytes: Readable, signal: AbortSignal): Promise<void> {
  await mustBeThere(door, database)
  if (await isOwnerUnlocked(door, database)) await empty(door, database)
  else if (await isFilled(door, database)) {
    throw new UserError('refused', `The database ${database} is not empty.`, 'Restore into an empty one.')
  }
  const password = randomBytes(24).toString('hex')
  await unlockOwner(door, database, password)
  try {
    await fill(door, { database, password, bytes, signal })
  } catch (error) {
    bytes.destroy()
    // A server that is away cannot empty it now; the next restore does.
    await empty(door, database)
      .then(() => unlockOwner(door, database, null))
      .catch(() => {})
    throw cancelled(signal) ?? error
  }
  await unlockOwner(door, database, null)
}

interface Filling {
  readonly database: string
  readonly password: string
  readonly bytes: Readable
  readonly signal: AbortSignal
}

async function fill(door: Door, { database, password, bytes, signal }: Filling): Promise<void> {
  const who = { words: [`--user=${ownerOf(database)}`], env: { MYSQL_PWD: password } }
  const command = [...words(door, 'mariadb', { ...who, user: nobody }), ...careful, database]
  const watched = watch(bytes)
  const input = Readable.from(withoutDefiners(watched.bytes))
  // Bytes that never come must not keep a cancelled restore.
  const stop = () => input.destroy(cancelled(signal) ?? undefined)
  signal.addEventListener('abort', stop)
  try {
    const ended = await run(door.start as Start, { command, env: who.env, user: nobody, signal }, input)
    if (ended.code !== 0) throw failure(ended)
    if (!watched.isWhole()) throw new UserError('refused', 'The dump is not whole: its last line is missing.')
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const nobody = 'nobody'
const careful = [
  ...['--batch', '--sandbox', '--local-infile=0', '--binary-mode', '--max-allowed-packet=1G'],
  '--default-character-set=utf8mb4',
]

function watch(bytes: Readable): { bytes: AsyncIterable<Buffer>; isWhole(): boolean } {
  let tail = ''
  async function* passed() {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      tail = (tail + chunk.toString('latin1', Math.max(0, chunk.length - longestEnd))).slice(-longestEnd)
      yield chunk
    }
  }
  return { bytes: passed(), isWhole: () => lastLine.test(tail) }
}

async function isFilled(door: Door, database: string): Promise<boolean> {
  const places = { TABLES: 'TABLE_SCHEMA', ROUTINES: 'ROUTINE_SCHEMA', EVENTS: 'EVENT_SCHEMA' }
  const found = Object.entries(places).map(
    ([place, column]) => `EXISTS (SELECT 1 FROM information_schema.${place} WHERE ${column} = ${quoted(database)})`,
  )
  const [row] = await ask(door, `SELECT ${found.join(' OR ')};`)
  return row?.[0] === '1'
}
