/**
 * Restores run as a login of the database, made for it: a dump may hold any statement, and a superuser's could leave the
 * database. All of it is one transaction, so what fails leaves nothing.
 */
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { Login } from '../../server/devices/classes/database.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import { snapshot } from './contents.ts'
import { grant, revoke } from './databases.ts'
import { definitions } from './definitions.ts'
import type { Place } from './place.ts'
import { ask, cancelled, failure, start } from './psql.ts'

export async function restore(place: Place, database: string, bytes: Readable, signal: AbortSignal): Promise<void> {
  const login = { user: `${database}.restore`, password: randomBytes(24).toString('hex') }
  try {
    await refuseFilled(place, database, signal)
    await grant(place, database, login)
    await fill(place, database, { login, bytes, signal })
  } catch (error) {
    // What is left over of a login that nobody knows the password of goes with the next restore, or with the database.
    await revoke(place, database, login.user).catch(() => {})
    throw error
  } finally {
    bytes.destroy()
  }
  await revoke(place, database, login.user)
}

async function refuseFilled(place: Place, database: string, signal: AbortSignal): Promise<void> {
  const lines = await ask(place, database, `${snapshot}\n${definitions}\nCOMMIT;`, { signal })
  if (lines.length === 0) return
  throw new UserError('refused', `The database ${database} is not empty, and a restore fills only an empty one.`)
}

interface Filling {
  readonly login: Login
  readonly bytes: Readable
  readonly signal: AbortSignal
}

async function fill(place: Place, database: string, { login, bytes, signal }: Filling): Promise<void> {
  const stop = new AbortController()
  let broken: Error | null = null
  bytes.once('error', (error) => {
    broken = error
    stop.abort()
  })
  const words = ['-Fc', '--single-transaction', '--exit-on-error', '--no-owner', '--no-privileges', '-d', database]
  const program = await start(place, {
    command: [place.program('pg_restore'), ...words],
    env: { ...place.door, PGUSER: login.user, PGPASSWORD: login.password },
    signal: AbortSignal.any([signal, stop.signal]),
  })
  // A pg_restore that has seen enough reads no more; its exit code and its words tell why.
  program.stdin.on('error', () => {})
  program.stdout.resume()
  bytes.pipe(program.stdin)
  const { code, stderr } = await program.ended
  if (signal.aborted) throw cancelled()
  if (broken !== null) throw new UserError('refused', `The dump broke off: ${messageOf(broken)}.`)
  if (code !== 0) throw failure(code, stderr)
}
