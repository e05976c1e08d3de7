/**
 * What a driver cannot be sent over its line: streams and programs. It holds their numbers, and the bytes of a dump go from
 * the program to the archive without it. Everything ends with the process of the driver.
 */
import { once } from 'node:events'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../../errors.ts'
import type { Process } from '../driver.ts'

export type StreamHandle = { readonly stream: number }

export interface Handles {
  /** Throws `conflict` when the driver has too many open. */
  add(stream: Readable | Writable): StreamHandle
  /** The caller has it now, and the driver no longer. */
  take(handle: unknown): Readable
  /** It was lent: the driver no longer has it, and what is left in it is not wanted. */
  takeBack(stream: Readable): void
  /** Ends it; not an error when it is gone. */
  close(id: number): void

  /** At most `limit` bytes in base64; null at the end. */
  read(id: number, limit: number): Promise<string | null>
  write(id: number, base64: string): Promise<void>
  end(id: number): Promise<void>
  /** All of one into the other; says how many bytes. */
  pipe(from: number, to: number): Promise<number>

  run(start: (signal: AbortSignal) => Promise<Process>): Promise<object>
  ended(id: number): Promise<object>
  kill(id: number): void
  /** Ends everything. */
  dispose(): void
}

/** A driver has a few a call; one that never closes any is stopped here. */
const mostOpen = 256

export function createHandles(): Handles {
  const streams = new Map<number, Readable | Writable>()
  const processes = new Map<number, { readonly ended: Process['ended']; readonly stop: AbortController }>()
  let last = 0

  const add = (stream: Readable | Writable): StreamHandle => {
    if (streams.size >= mostOpen) {
      stream.destroy()
      throw new UserError('conflict', `More than ${mostOpen} streams are open; close those that are done.`)
    }
    last += 1
    streams.set(last, stream)
    // Nobody may be listening yet; whoever reads or writes next is told.
    stream.on('error', () => {})
    return { stream: last }
  }
  const readable = (id: number): Readable => {
    const found = streams.get(id)
    if (found instanceof Readable) return found
    throw new UserError('not-found', `There is no stream ${id} to read.`)
  }
  const writable = (id: number): Writable => {
    const found = streams.get(id)
    if (found && 'write' in found) return found
    throw new UserError('not-found', `There is no stream ${id} to write to.`)
  }
  const process = (id: number) => {
    const found = processes.get(id)
    if (found) return found
    throw new UserError('not-found', `There is no process ${id}.`)
  }

  return {
    add,
    take(handle) {
      const id = (handle as StreamHandle | null)?.stream ?? 0
      const found = readable(id)
      streams.delete(id)
      return found
    },
    takeBack(stream) {
      for (const [id, one] of streams) if (one === stream) streams.delete(id)
      stream.destroy()
    },
    close(id) {
      streams.get(id)?.destroy()
      streams.delete(id)
    },
    read: (id, limit) => readSome(readable(id), limit),
    async write(id, base64) {
      const to = writable(id)
      if (to.destroyed) throw gone()
      if (!to.write(Buffer.from(base64, 'base64'))) await Promise.race([once(to, 'drain'), once(to, 'close')])
    },
    async end(id) {
      const to = writable(id)
      streams.delete(id)
      await new Promise<void>((resolve) => to.once('close', resolve).end(resolve))
    },
    async pipe(from, to) {
      const [source, target] = [readable(from), writable(to)]
      streams.delete(from)
      streams.delete(to)
      let bytes = 0
      source.on('data', (chunk) => (bytes += chunk.length))
      await pipeline(source, target)
      return bytes
    },
    async run(start) {
      const stop = new AbortController()
      const { stdin, stdout, ended } = await start(stop.signal)
      ended.catch(() => {})
      last += 1
      processes.set(last, { ended, stop })
      return { process: last, stdin: add(stdin), stdout: add(stdout) }
    },
    async ended(id) {
      const result = await process(id).ended
      processes.delete(id)
      return result
    },
    kill: (id) => process(id).stop.abort(),
    dispose() {
      for (const { stop } of processes.values()) stop.abort()
      for (const stream of streams.values()) stream.destroy()
      processes.clear()
      streams.clear()
    },
  }
}

async function readSome(from: Readable, limit: number): Promise<string | null> {
  for (;;) {
    const chunk: Buffer | null = from.read(Math.min(limit, from.readableLength) || undefined)
    if (chunk !== null) {
      if (chunk.length > limit) from.unshift(chunk.subarray(limit))
      return chunk.subarray(0, limit).toString('base64')
    }
    if (from.errored) throw gone()
    if (from.readableEnded || from.destroyed) return null
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const event of events) from.off(event, done)
        resolve()
      }
      const events = ['readable', 'end', 'close', 'error']
      for (const event of events) from.once(event, done)
    })
  }
}

function gone(): UserError {
  return new UserError('unavailable', 'The other end of this stream is gone.')
}
