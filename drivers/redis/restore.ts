/** Fills an empty database from a dump: all of it, or nothing. */
import { Readable } from 'node:stream'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { run, type Start } from '../shared/client.ts'
import { cancelled } from '../shared/dump-stream.ts'
import { say } from './cli.ts'
import { mustBeWhole } from './contents.ts'
import { doorOf, mustBeThere, restart } from './server.ts'

/**
 * The bytes are laid beside the data and looked through; only then they take its place, at a restart of the server. The
 * file `restoring` is the mark of a restore that was not finished.
 */
export async function restore(host: DriverHost, database: string, bytes: Readable, signal: AbortSignal): Promise<void> {
  await mustBeThere(host, database)
  const start: Start = (options) => host.containers.exec(database, options)
  if (!(await isThere(start, mark))) await mustBeEmpty(host, database)
  try {
    const count = await lay(start, bytes, signal)
    mustBeWhole(await run(start, { command: ['redis-check-rdb', incoming] }), count)
    const early = cancelled(signal)
    if (early) throw early
  } catch (error) {
    bytes.destroy()
    await command(start, ['rm', '-f', incoming]).catch(() => {})
    throw cancelled(signal) ?? error
  }
  await command(start, ['touch', mark])
  await command(start, ['mv', incoming, '/data/restored.rdb'])
  await restart(host, database)
  if (!(await isThere(start, mark))) {
    throw new UserError(
      'refused',
      'Redis could not load this dump, and began empty.',
      'devices:logs says why; it may need more memory',
    )
  }
  await command(start, ['rm', mark])
}

const incoming = '/data/incoming.rdb'
const mark = '/data/restoring'

async function mustBeEmpty(host: DriverHost, database: string): Promise<void> {
  const said = await say(await doorOf(host, database), ['INFO keyspace', 'FUNCTION LIST'])
  if (!/\bdb\d+:keys=|library_name/.test(said.join('\n'))) return
  throw new UserError('refused', `The database ${database} is not empty.`, 'Restore into an empty one.')
}

/** Returns how many bytes there were. */
async function lay(start: Start, bytes: Readable, signal: AbortSignal): Promise<number> {
  let count = 0
  async function* counted() {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      count += chunk.length
      yield chunk
    }
  }
  const input = Readable.from(counted())
  const words = ['dd', `of=${incoming}`, 'bs=64k', 'status=none']
  const { code, stderr } = await run(start, { command: words, signal }, input)
  if (code === 0) return count
  throw new UserError('unavailable', 'The dump could not be written beside the data.', undefined, [stderr.trim()])
}

async function isThere(start: Start, file: string): Promise<boolean> {
  return (await run(start, { command: ['test', '-e', file] })).code === 0
}

async function command(start: Start, words: readonly string[]): Promise<void> {
  const { code, stderr } = await run(start, { command: words })
  if (code !== 0)
    throw new UserError('unavailable', `${words[0]} failed beside the data of Redis.`, undefined, [stderr.trim()])
}
