/** A dump, and its contents: the very bytes of the dump are loaded by another server and counted there. */
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { Contents, Dump } from '../../server/devices/classes/database.ts'
import type { DriverHost, Process } from '../../server/devices/driver.ts'
import { whileRead } from '../shared/client.ts'
import { cancelled, dumpStream } from '../shared/dump-stream.ts'
import { away, say } from './cli.ts'
import { contentsOf, loader, mustBeWhole } from './contents.ts'
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
    const counter = await scratch.start({ command: loader, signal: both })
    const { command, env } = door.client
    const process = await door.start({
      command: whileRead([...command, '--rdb', '-']),
      signal: both,
      ...(env && { env }),
    })
    const { bytes, whole } = dumpStream(pass(process, counter), signal, () => over.abort())
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

/** To the reader and to the one that counts; ends well only when that one has seen that it is whole. */
async function* pass(process: Process, counter: Process): AsyncGenerator<Buffer, void> {
  const said = text(counter.stdout)
  // A reader that goes away leaves nobody to ask.
  said.catch(() => {})
  let bytes = 0
  for await (const chunk of process.stdout as AsyncIterable<Buffer>) {
    if (!counter.stdin.write(chunk)) await Promise.race([once(counter.stdin, 'drain'), counter.ended])
    bytes += chunk.length
    yield chunk
  }
  process.stdin.end()
  const { code, stderr } = await process.ended
  if (code !== 0) throw away(stderr.trim())
  counter.stdin.end()
  mustBeWhole({ output: await said, code: (await counter.ended).code }, bytes)
}

async function count(scratch: Scratch, whole: Promise<void>, signal: AbortSignal): Promise<Contents> {
  const stop = () => void scratch.remove().catch(() => {})
  try {
    await whole
    signal.addEventListener('abort', stop)
    throwIfCancelled(signal)
    return await contentsOf(scratch.start)
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
