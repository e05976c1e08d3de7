/** Fills an empty database from a dump: all of it, or nothing. */
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { UserError } from '../../server/errors.ts'
import { run } from '../shared/client.ts'
import { cancelled } from '../shared/dump-stream.ts'
import { empty, isOwnerUnlocked, lockOwner, ownerOf, unlockOwner, use } from './accounts.ts'
import { withoutDefiners } from './definers.ts'
import { lastLine, longestEnd } from './dump.ts'
import { ask, type Door, failure, quoted, words } from './sql.ts'

/**
 * A dump is somebody's text, so it is read as the owner of the database, who may do nothing elsewhere, by a client that
 * touches no files. That the owner can log in is the mark of a restore that was broken off.
 */
export async function restore(door: Door, database: string, bytes: Readable, signal: AbortSignal): Promise<void> {
  await makeReady(door, database)
  const password = randomBytes(24).toString('hex')
  await ask(door, unlockOwner(database, password))
  try {
    await fill(door, { database, password, bytes, signal })
  } catch (error) {
    bytes.destroy()
    // A server that is away cannot empty it now; the next restore does.
    await ask(door, empty(database)).catch(() => {})
    throw cancelled(signal) ?? error
  }
  await ask(door, lockOwner(database))
}

/** Throws `not-found`, and `refused` when there is something in it that no broken restore has left. */
async function makeReady(door: Door, database: string): Promise<void> {
  const places = { TABLES: 'TABLE_SCHEMA', ROUTINES: 'ROUTINE_SCHEMA', EVENTS: 'EVENT_SCHEMA' }
  const found = Object.entries(places).map(
    ([place, column]) => `EXISTS (SELECT 1 FROM information_schema.${place} WHERE ${column} = ${quoted(database)})`,
  )
  const rows = await ask(door, `${use(database)} ${isOwnerUnlocked(database)} SELECT ${found.join(' OR ')};`)
  const [isBroken, isFilled] = rows.map(([value]) => value === '1')
  if (isBroken) await ask(door, empty(database))
  else if (isFilled) {
    throw new UserError('refused', `The database ${database} is not empty.`, 'Restore into an empty one.')
  }
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
  const ended = await run(door.start, { command, env: who.env, user: nobody, signal }, input)
  if (ended.code !== 0) throw failure(ended)
  if (!watched.isWhole()) throw new UserError('refused', 'The dump is not whole: its last line is missing.')
}

const nobody = 'nobody'
/** In binary mode the client obeys no commands of its own, such as `\!` and `source`, but DELIMITER. */
const careful = [
  ...['--batch', '--comments', '--local-infile=0', '--binary-mode', '--max-allowed-packet=1G'],
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
