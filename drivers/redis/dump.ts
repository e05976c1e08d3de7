/** A dump, and its contents: the very bytes of the dump are loaded by another server and counted there. */
import { once } from 'node:events'
import type { Contents, Dump } from '../../server/devices/classes/database.ts'
import type { DriverHost, Process } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { cancelled, dumpStream } from '../shared/dump-stream.ts'
import { away, say } from './cli.ts'
import { contentsOf } from './contents.ts'
import { openScratch, type Scratch } from './scratch.ts'
import { doorOf, installed, mustBeThere } from './server.ts'

export async function inspect(host: DriverHost, database: string, signal: AbortSignal): Promise<Contents> {
  const { bytes, contents } = await dump(host, database, signal)
  bytes.resume()
  return contents
}

export async function dump(host: DriverHost, database: string, signal: AbortSignal): Promise<Dump> {
  throwIfCancelled(signal)
  await mustBeThere(host, database)
  const door = await doorOf(host, database)
  await say(door, ['PING'], 5)
  const over = new AbortController()
  const both = AbortSignal.any([signal, over.signal])
  const scratch = await openScratch(host, await installed(host))
  try {
    const copy = await scratch.start({ command: ['dd', `of=${file}`, 'bs=64k', 'status=none'], signal: both })
    const { command, env } = door.client
    const process = await door.start({ command: [...command, '--rdb', '-'], signal: both, ...(env && { env }) })
    const { bytes, whole } = dumpStream(pass(process, copy), signal, () => over.abort())
    const contents = count(scratch, whole, signal)
    // Whoever only wants the bytes may not look at it.
    contents.catch(() => {})
    return { bytes, contents }
  } catch (error) {
    over.abort()
    await scratch.remove()
    throw cancelled(signal) ?? error
  }
}

const file = '/tmp/dump.rdb'

/** To the reader and into the scratch container. Returns how many bytes both have. */
async function* pass(process: Process, copy: Process): AsyncGenerator<Buffer, number> {
  let bytes = 0
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
    if (!copy.stdin.write(chunk)) await Promise.race([once(copy.stdin, 'drain'), copy.ended])
    bytes += chunk.length
    yield chunk
  }
  const { code, stderr } = await process.ended
  if (code !== 0) throw away(stderr.trim())
  copy.stdin.end()
  copy.stdout.resume()
  const copied = await copy.ended
  if (copied.code === 0) return bytes
  throw new UserError('unavailable', 'The dump could not be copied to count it.', undefined, [copied.stderr])
}

async function count(scratch: Scratch, whole: Promise<number>, signal: AbortSignal): Promise<Contents> {
  const stop = () => void scratch.remove().catch(() => {})
  try {
    const bytes = await whole
    signal.addEventListener('abort', stop)
    throwIfCancelled(signal)
    return await contentsOf(scratch.start, file, bytes)
  } catch (error) {
    throw cancelled(signal) ?? error
  } finally {
    signal.removeEventListener('abort', stop)
    await scratch.remove()
  }
}

function throwIfCancelled(signal: AbortSignal): void {
  const early = cancelled(signal)
  if (early) throw early
}
