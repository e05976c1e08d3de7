/** Runs a server's own client program: what it is told goes through its standard input, never through its arguments. */
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setImmediate as turn } from 'node:timers/promises'
import type { ExecOptions, Process } from '../../server/devices/driver.ts'
import { cancelled } from './dump-stream.ts'

export type Start = (options: ExecOptions) => Promise<Process>

export interface Ended {
  readonly code: number
  readonly output: string
  /** The last 4 KiB. */
  readonly stderr: string
}

/**
 * To its end. Whether its exit code is a failure is for the caller to say; throws when `input` breaks off, and `cancelled`
 * when the signal of the options aborts. An input that never ends keeps nobody: only the program's end is waited for.
 */
export async function run(start: Start, options: ExecOptions, input: string | Readable = ''): Promise<Ended> {
  const process = await start(options)
  const source = noted(typeof input === 'string' ? [input] : input)
  pipeline(source.parts, process.stdin).catch(() => {})
  const [output] = await Promise.allSettled([readAll(process.stdout)])
  const ended = await process.ended
  if (options.signal?.aborted) throw cancelled(options.signal)
  const problem = source.problem()
  if (problem !== null) throw problem.error
  if (output.status === 'rejected') throw output.reason
  // A program that ends before it has read everything may find nothing wrong with that; of nothing none can be missed.
  await turn()
  const isCut = input !== '' && ended.code === 0 && !process.stdin.writableFinished
  return { ...ended, code: isCut ? 1 : ended.code, output: output.value }
}

/**
 * Words for a program that only writes: it is ended when its standard input closes, as it does when whoever reads is gone.
 * Otherwise it would stand before a full pipe for good, and keep what it has open in the server.
 */
export function whileRead(command: readonly string[]): string[] {
  const script = 'exec 3<&0; (cat <&3; kill -KILL $$) >/dev/null 2>&1 & exec "$@"'
  return ['sh', '-c', script, 'sh', ...command]
}

/** A client that stays open, for what must happen in one session of the server. */
export interface Session {
  /** Says something, and reads its answer: the lines before its mark. */
  ask(words: string): Promise<string[]>
  /** Ends it, and waits for that. */
  close(): Promise<void>
}

interface SessionStyle {
  /** Words that make the client print one line with this mark, and the line. */
  echo(mark: string): { readonly words: string; readonly line: string }
  /** Why it has ended early. */
  failure(ended: { readonly code: number; readonly stderr: string }): Error
}

export async function openSession(start: Start, options: ExecOptions, style: SessionStyle): Promise<Session> {
  const process = await start(options)
  // Its end is seen where its output ends; writing to a client that is gone is no failure of its own.
  process.stdin.on('error', () => {})
  const lines = linesOf(process.stdout)
  let count = 0
  return {
    async ask(words) {
      const mark = style.echo(`megapolos-${++count}`)
      process.stdin.write(`${words}\n${mark.words}\n`)
      const answer: string[] = []
      for (;;) {
        const { value, done } = await lines.next()
        if (done) throw style.failure(await process.ended)
        if (value === mark.line) return answer
        answer.push(value)
      }
    },
    async close() {
      process.stdin.end()
      while (!(await lines.next()).done);
      await process.ended
    },
  }
}

/** Tells what the input itself broke with from what a client's end does to it. */
function noted(input: Iterable<string> | AsyncIterable<Buffer>) {
  let problem: { readonly error: unknown } | null = null
  async function* parts() {
    try {
      yield* input
    } catch (error) {
      problem = { error }
      throw error
    }
  }
  return { parts: parts(), problem: () => problem }
}

async function readAll(stream: Readable): Promise<string> {
  return Buffer.concat(await Array.fromAsync(stream as AsyncIterable<Buffer>)).toString('utf8')
}

async function* linesOf(stream: Readable): AsyncGenerator<string, undefined> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let from = 0
    for (let end = all.indexOf(10); end >= 0; end = all.indexOf(10, from)) {
      yield all.toString('utf8', from, end)
      from = end + 1
    }
    rest = all.subarray(from)
  }
}
