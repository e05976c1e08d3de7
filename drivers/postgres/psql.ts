/** Statements go to the server through its own client, psql: on standard input, so that nothing of them is in its words. */
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import type { ExecOptions, Process } from '../../server/devices/driver.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import type { Place } from './place.ts'

export interface Asking {
  readonly signal?: AbortSignal
  /** Milliseconds until a server that does not answer is given up; a minute when nothing is said. Infinity: never. */
  readonly deadline?: number
}

/** Runs a script, and returns the lines of its output. Throws `unavailable`, `cancelled`, or `refused` with what the server said. */
export async function ask(place: Place, database: string, script: string, asking: Asking = {}): Promise<string[]> {
  const { signal, deadline = 60_000 } = asking
  const late = Number.isFinite(deadline) ? AbortSignal.timeout(deadline) : undefined
  const ends = [signal, late].filter((one) => one !== undefined)
  const process = await start(place, {
    command: psql(place, database),
    env: place.admin,
    ...(ends.length > 0 && { signal: AbortSignal.any(ends) }),
  })
  process.stdin.on('error', () => {})
  process.stdin.end(script)
  const output = await text(process.stdout).catch(() => '')
  const { code, stderr } = await process.ended
  if (signal?.aborted) throw cancelled()
  if (late?.aborted) throw silent(`It did not answer within ${deadline / 1000} s.`)
  if (code !== 0) throw failure(code, stderr)
  return output.split('\n').filter((line) => line !== '')
}

/** One that stays open, for what has to be seen by several statements. */
export interface Session {
  /** Lines of the output. */
  ask(script: string): Promise<string[]>
  end(): void
}

export async function openSession(place: Place, database: string, signal: AbortSignal): Promise<Session> {
  const process = await start(place, { command: psql(place, database), env: place.admin, signal })
  process.stdin.on('error', () => {})
  const lines = createInterface({ input: process.stdout })[Symbol.asyncIterator]()
  return {
    async ask(script) {
      process.stdin.write(`${script}\n\\echo ${asked}\n`)
      const answer: string[] = []
      for (;;) {
        const { value, done } = await lines.next()
        if (done) {
          const { code, stderr } = await process.ended
          throw signal.aborted ? cancelled() : failure(code, stderr)
        }
        if (value === asked) return answer
        answer.push(value)
      }
    },
    end: () => process.stdin.end(),
  }
}

const asked = '-- that is all'

/** Says which of our failures an ending of psql, pg_dump or pg_restore is. */
export function failure(code: number, stderr: string): UserError {
  const lines = stderr.trim().split('\n').filter(Boolean)
  const said = lines.find((line) => /\b(ERROR|FATAL|PANIC|error|fatal):/.test(line)) ?? lines[0] ?? `exit code ${code}`
  const sentence = said.replace(/^.*?\b(ERROR|FATAL|PANIC|error|fatal):\s*/, '')
  return gone.test(stderr)
    ? silent(sentence)
    : new UserError('refused', `PostgreSQL: ${sentence}`, undefined, lines.slice(-10))
}

/** Of a server that is down, comes up, goes down, or was killed under us. */
const gone =
  /could not connect|connection to server .* failed|server closed the connection|terminating connection|connection to server was lost|no connection to the server|SSL SYSCALL|starting up|shutting down|recovery mode|Connection refused/i

export function cancelled(): UserError {
  return new UserError('cancelled', 'Cancelled.')
}

export function silent(why: string): UserError {
  return new UserError('unavailable', 'The PostgreSQL server does not answer.', 'megapolos devices:logs says more.', [
    why,
  ])
}

/** Whatever keeps a program from being started keeps us from the server. */
export async function start(place: Place, options: ExecOptions): Promise<Process> {
  if (options.signal?.aborted) throw cancelled()
  try {
    return await place.exec({ ...options, ...(place.user !== undefined && { user: place.user }) })
  } catch (error) {
    if (options.signal?.aborted) throw cancelled()
    throw silent(messageOf(error))
  }
}

function psql(place: Place, database: string): string[] {
  return [place.program('psql'), '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', database]
}

/** Names and texts as the server reads them. */
export const name = (text: string) => `"${text.replaceAll('"', '""')}"`
export const literal = (text: string) => `'${text.replaceAll("'", "''")}'`
