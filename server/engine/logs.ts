/** The engine's multiplexed log stream → lines with their time. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Client } from './client.ts'
import type { LogLine } from './engine.ts'
import { isStatus } from './transport.ts'

export interface LogOptions {
  readonly tail: number | 'all'
  readonly follow?: boolean
  readonly signal?: AbortSignal
  /** Whether the container runs or is about to; asked when a followed stream ends, as it does at every restart. */
  readonly alive: () => Promise<boolean>
}

export async function* readLogs(client: Client, id: string, options: LogOptions): AsyncGenerator<LogLine> {
  const { follow = false, signal } = options
  let tail = options.tail
  let last = ''
  do {
    try {
      for await (const line of lines(await open(client, id, { tail, follow, since: last, signal }))) {
        // A resumed stream begins with the second of the last line; times of equal precision compare as text.
        if (line.at <= last && last !== '') continue
        yield line
        last = line.at
      }
    } catch (error) {
      if (signal?.aborted || isStatus(error, 404, 409)) return
      throw error
    }
    tail = 'all'
    if (follow && last === '') last = new Date(0).toISOString()
  } while (follow && !signal?.aborted && (await stillAlive(options)))
}

async function stillAlive(options: LogOptions): Promise<boolean> {
  if (!(await options.alive())) return false
  await delay(200, undefined, { signal: options.signal }).catch(() => {})
  return true
}

function open(
  client: Client,
  id: string,
  how: { tail: number | 'all'; follow: boolean; since: string; signal: AbortSignal | undefined },
): Promise<NodeJS.ReadableStream> {
  const since = how.since === '' ? {} : { since: Math.floor(Date.parse(how.since) / 1000) }
  const options = {
    // Without it dockerode would collect the whole log in memory; what the engine is asked is `_query`.
    follow: true as const,
    _query: { stdout: true, stderr: true, timestamps: true, follow: how.follow, tail: how.tail, ...since },
    ...(how.signal && { abortSignal: how.signal }),
  }
  return client.container(id).logs(options)
}

/** Longer lines are cut here: one line must not fill a screen, a message or a memory. */
const longestLine = 16 * 1024

async function* lines(stream: NodeJS.ReadableStream): AsyncGenerator<LogLine> {
  const rest: Record<Frame['stream'], Buffer> = { stdout: Buffer.alloc(0), stderr: Buffer.alloc(0) }
  for await (const frame of frames(stream)) {
    let data: Buffer = Buffer.concat([rest[frame.stream], frame.data])
    for (let end = data.indexOf(10); end >= 0; end = data.indexOf(10)) {
      yield parse(frame.stream, data.subarray(0, end))
      data = data.subarray(end + 1)
    }
    // What is beyond the limit will be cut anyway; the time stamp in front takes some more.
    rest[frame.stream] = data.subarray(0, longestLine + 64)
  }
  for (const stream of ['stdout', 'stderr'] as const) if (rest[stream].length > 0) yield parse(stream, rest[stream])
}

function parse(stream: LogLine['stream'], line: Buffer): LogLine {
  const space = line.indexOf(32)
  const text = line.subarray(space + 1, space + 1 + longestLine).toString()
  return { at: line.subarray(0, space).toString(), stream, text: text.replace(/\r$/, '') }
}

interface Frame {
  readonly stream: 'stdout' | 'stderr'
  readonly data: Buffer
}

/** Eight bytes say which stream and how long, then the data; cut anywhere by the transport. */
export async function* frames(stream: NodeJS.ReadableStream): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream) {
    rest = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer])
    while (rest.length >= 8) {
      const end = 8 + rest.readUInt32BE(4)
      if (rest.length < end) break
      yield { stream: rest[0] === 2 ? 'stderr' : 'stdout', data: rest.subarray(8, end) }
      rest = rest.subarray(end)
    }
  }
}
