/** Talks to the server through its own client: statements go through standard input, the password through the environment. */
import type { ExecOptions } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { type Ended, openSession, run, type Session, type Start } from '../shared/client.ts'
import { cancelled } from '../shared/dump-stream.ts'

/** How a client program gets to the server. */
export interface Door {
  readonly start: Start
  /** Options that lead a client there. */
  readonly words: readonly string[]
  /** What makes it the administrator. */
  readonly admin: Who
}

export interface Who {
  readonly words: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** User of the machine that the client runs as. */
  readonly user: string
}

export function words(door: Door, program: string, who: Who = door.admin): string[] {
  return [program, '--no-defaults', ...door.words, ...who.words]
}

/** Rows of columns; NULL reads as `NULL`. Throws `unavailable` or `refused`. */
export async function ask(door: Door, statements: string, signal?: AbortSignal): Promise<string[][]> {
  const late = AbortSignal.timeout(longest)
  const both = signal ? AbortSignal.any([signal, late]) : late
  const { code, output, stderr } = await run(door.start, client(door, both), statements).catch((error) => {
    throw late.aborted ? new UserError('unavailable', 'MariaDB does not answer.') : error
  })
  if (code !== 0) throw failure({ code, stderr })
  return output.split('\n').slice(0, -1).map(columns)
}

/** A session that stays open. */
export async function open(door: Door, signal: AbortSignal): Promise<Session> {
  return openSession(door.start, client(door, signal), {
    echo: (mark) => ({ words: `SELECT '${mark}';`, line: mark }),
    failure: (ended) => cancelled(signal) ?? failure(ended),
  })
}

export function columns(line: string): string[] {
  return line.split('\t').map((text) => text.replace(/\\([nt0\\])/g, (_, letter: string) => escapes[letter] ?? letter))
}

const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', '0': '\0', '\\': '\\' }

export function failure({ code, stderr }: Pick<Ended, 'code' | 'stderr'>): UserError {
  const lines = stderr.trim().split('\n')
  const last = lines.findLast((line) => line.includes('rror')) ?? lines.at(-1) ?? ''
  const number = Number(/\b[Ee]rror:? (\d+)|ERROR (\d+)/.exec(last)?.slice(1).find(Boolean))
  // Ended from outside, or not begun, it has no words of its own.
  if (isAway(number) || (last === '' && code > 125))
    return new UserError('unavailable', 'MariaDB does not answer.', undefined, [last])
  if (number === 1049) return new UserError('not-found', 'There is no such database in MariaDB.', undefined, [last])
  const why = last === '' ? `its client ended with ${code}` : last.replace(/^-+$/, '')
  return new UserError('refused', `MariaDB refused: ${why}.`, undefined, lines.slice(-5))
}

/** For a string; names go between `\`` */
export function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`
}

export function named(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``
}

/** Milliseconds that statements may take which are not the content of a database. */
const longest = 120_000

function client(door: Door, signal: AbortSignal): ExecOptions {
  const { env, user } = door.admin
  return { command: [...words(door, 'mariadb'), ...plain], env, user, signal }
}

/** Seconds. A server that stands still takes connections, and says nothing. */
const plain = [
  '--connect-timeout=5',
  '--batch',
  '--skip-column-names',
  '--unbuffered',
  '--default-character-set=utf8mb4',
]

/** Connections that did not come about, broke, or were ended by a server that stops. */
function isAway(number: number): boolean {
  return (number >= 2000 && number < 3000) || [1040, 1053, 1077, 1080, 1158, 1159, 1160, 1161, 1927].includes(number)
}
