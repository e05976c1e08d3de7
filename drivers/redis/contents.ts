/** What is in a dump: counted in a server that has loaded it, in a container for a while. */
import { createHash } from 'node:crypto'
import type { Contents, TableContents } from '../../server/devices/classes/database.ts'
import { UserError } from '../../server/errors.ts'
import { type Ended, openSession, type Session, type Start } from '../shared/client.ts'
import { away, quotedString } from './cli.ts'

const socket = '/tmp/scratch.sock'

/**
 * A program that takes a dump, looks whether it is whole, and leaves a server behind that loads it; on its output is what
 * `mustBeWhole` reads.
 */
export const loader = [
  'sh',
  '-c',
  `dd of=/tmp/dump.rdb bs=64k status=none && redis-check-rdb /tmp/dump.rdb && redis-server --port 0 \\
    --unixsocket ${socket} --dir /tmp --dbfilename dump.rdb --save '' --enable-debug-command yes --daemonize yes >&2`,
]

/** Counts in the server that the loader has left. */
export async function contentsOf(start: Start): Promise<Contents> {
  const session = await openSession(start, { command: ['redis-cli', '-s', socket, '--no-raw'] }, style)
  await loaded(session)
  const tables: TableContents[] = []
  for (const line of await session.ask('INFO keyspace')) {
    for (const [, database] of line.matchAll(/\bdb(\d+):keys=/g))
      tables.push(await readDatabase(session, Number(database)))
  }
  const definitions = await readLibraries(session)
  await session.close()
  return { tables: tables.filter(({ rows }) => rows > 0).sort((a, b) => (a.name < b.name ? -1 : 1)), definitions }
}

/** Throws `refused` unless the file is a dump by its checksum, up to its last byte. */
export function mustBeWhole({ code, output }: Pick<Ended, 'code' | 'output'>, bytes: number): void {
  const end = Number(/\[offset (\d+)\] \\o\/ RDB looks OK/.exec(output)?.[1])
  if (code === 0 && end === bytes) return
  const problem = /DETECTED ---\n(?:\[[^\]]*\] )?(.*)/.exec(output)?.[1]
  const why = code === 0 ? `it ends at byte ${end} of ${bytes}` : (problem ?? 'it is none')
  throw new UserError('refused', `This is not a whole dump of Redis: ${why}.`)
}

const style = {
  echo: (mark: string) => ({ words: `ECHO ${mark}`, line: JSON.stringify(mark) }),
  failure: ({ stderr }: { readonly stderr: string }) => away(stderr),
}

/** A server that loads answers with nothing but that. */
async function loaded(session: Session): Promise<void> {
  for (;;) {
    const [answer = ''] = await session.ask('PING')
    if (answer === 'PONG') return
    if (!answer.includes('LOADING')) throw away(answer)
  }
}

/**
 * Keys that expire are left out: some may be gone whenever somebody looks again. The file says how many keys there are,
 * so the table does not grow while it is walked, and no key comes twice.
 */
async function readDatabase(session: Session, database: number): Promise<TableContents> {
  await session.ask(`SELECT ${database}`)
  let rows = 0
  let sum = 0n
  let cursor = '"0"'
  do {
    const [next = '"0"', ...keys] = (await session.ask(`SCAN ${cursor} COUNT 500`)).flatMap(
      (line) => line.match(quotedString) ?? [],
    )
    if (keys.length > 0) {
      const words = keys.join(' ')
      const digests = (await session.ask(`DEBUG DIGEST-VALUE ${words}`)).flatMap(
        (line) => /[0-9a-f]{40}$/.exec(line) ?? [],
      )
      const ends = (await session.ask(`EVAL "${timesToLive}" ${keys.length} ${words}`)).map(
        (line) => /-?\d+$/.exec(line)?.[0],
      )
      if (digests.length !== keys.length || ends.length < keys.length) throw away('its keys could not be read')
      for (const [index, key] of keys.entries()) {
        if (ends[index] !== '-1') continue
        rows += 1
        sum += BigInt(`0x${createHash('sha256').update(`${key} ${digests[index]}`).digest('hex').slice(0, 32)}`)
      }
    }
    cursor = next
  } while (cursor !== '"0"')
  return { name: `db${database}`, rows, checksum: sum.toString(16) }
}

const timesToLive = "local t = {} for i, k in ipairs(KEYS) do t[i] = redis.call('PTTL', k) end return t"

async function readLibraries(session: Session): Promise<string[]> {
  const words = (await session.ask('FUNCTION LIST WITHCODE')).flatMap((line) => line.match(quotedString) ?? [])
  return words.flatMap((word, index) => (word === '"library_code"' ? [`library ${words[index + 1]}`] : [])).sort()
}
