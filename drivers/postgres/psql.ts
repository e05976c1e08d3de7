/** Statements go to the server through its own client, psql: on standard input, so that nothing of them is in its words. */
import type { ExecOptions, Process } from '../../server/devices/driver.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import { openSession as open, run, type Session } from '../shared/client.ts'
import type { Place } from './place.ts'

export interface Asking {
  readonly signal?: AbortSignal
  /** Milliseconds until a server that does not answer is given up; null: never. A minute when nothing is said. */
  readonly deadline?: number | null
}

/** Runs a script, and returns the lines of its output. Throws `unavailable`, `cancelled`, or `refused` with what the server said. */
export async function ask(place: Place, database: string, script: string, asking: Asking = {}): Promise<string[]> {
  const { signal, deadline = 60_000 } = asking
  const late = deadline === null ? undefined : AbortSignal.timeout(deadline)
  const options = {
    ...{ command: psql(place, database), env: place.admin },
    signal: AbortSignal.any([signal, late].filter((one) => one !== undefined)),
  }
  const { code, output, stderr } = await run((words) => start(place, words), options, script)
  if (signal?.aborted) throw cancelled()
  if (late?.aborted) throw silent(`It did not answer within ${(deadline ?? 0) / 1000} s.`)
  if (code !== 0) throw failure(code, stderr)
  return output.split('\n').filter((line) => line !== '')
}

/** One that stays open, for what has to be seen by several statements. */
export function openSession(place: Place, database: string, signal: AbortSignal): Promise<Session> {
  const options = { command: psql(place, database), env: place.admin, signal }
  return open((words) => start(place, words), options, {
    echo: (mark) => ({ words: `\\echo ${mark}`, line: mark }),
    failure: ({ code, stderr }) => (signal.aborted ? cancelled() : failure(code, stderr)),
  })
}

/** Whatever keeps a program from being started keeps us from the server. */
export async function start(place: Place, options: ExecOptions): Promise<Process> {
  if (options.signal?.aborted) throw cancelled()
  try {
    return await place.exec({ ...options, ...(place.user !== undefined && { user: place.user }) })
  } catch (error) {
    throw silent(messageOf(error))
  }
}

/** Says which of our failures an ending of psql, pg_dump or pg_restore is. */
export function failure(code: number, stderr: string): UserError {
  const lines = stderr.trim().split('\n').filter(Boolean)
  const said = lines.find((line) => grave.test(line)) ?? lines[0] ?? `a program ended with exit code ${code}`
  const sentence = said.replace(new RegExp(`^.*?${grave.source}\\s*`), '')
  if (gone.test(stderr) || code === killed) return silent(sentence)
  return new UserError('refused', `PostgreSQL: ${sentence}`, undefined, lines.slice(-10))
}

const grave = /\b(?:ERROR|FATAL|PANIC|error|fatal):/

/** As a shell says it. Nobody but the machine does this to a program that was not cancelled. */
const killed = 137

/** Of a server that is down, comes up, goes down, or was killed under us. */
const gone =
  /could not connect|connection to server .* failed|server closed the connection|terminating connection|connection to server was lost|no connection to the server|SSL SYSCALL|starting up|shutting down|recovery mode|Connection refused/i

export function cancelled(): UserError {
  return new UserError('cancelled', 'Cancelled.')
}

export function silent(why: string): UserError {
  return new UserError('unavailable', 'The PostgreSQL server does not answer.', 'Its log: devices:logs', [why])
}

function psql(place: Place, database: string): string[] {
  return [place.program('psql'), '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database]
}

/** Names and texts as the server reads them. */
export const name = (text: string) => `"${text.replaceAll('"', '""')}"`
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
