/** Says how far a stream of bytes has come, and ends one in which nothing moves any more. */
import { bytesText } from '../domain/bytes.ts'
import { UserError } from '../errors.ts'

export interface Progress {
  /** Aborted by the asker, or because nothing moved. */
  readonly signal: AbortSignal
  /** The same bytes. */
  through(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer>
  /** `12.3 MB in 4.1 s, 3.0 MB/s`. */
  text(): string
  end(): void
}

export interface ProgressOptions {
  readonly emit: (line: string) => void
  readonly signal: AbortSignal
  /** Who gives the bytes and who takes them, as sentences begin: one of them is to blame. */
  readonly from: string
  readonly to: string
  /** Milliseconds. */
  readonly patience?: number
  readonly every?: number
}

export function watchProgress({ emit, signal, from, to, ...times }: ProgressOptions): Progress {
  const { patience = 600_000, every = 5_000 } = times
  const stalled = new AbortController()
  const began = Date.now()
  let bytes = 0
  let moved = began
  let told = 0
  let waitsFor = from

  const text = () => {
    const seconds = Math.max(0.001, (Date.now() - began) / 1000)
    return `${bytesText(bytes)} in ${seconds.toFixed(1)} s, ${bytesText(bytes / seconds)}/s`
  }
  const timer = setInterval(() => {
    if (Date.now() - moved >= patience) {
      const minutes = Math.round(patience / 60_000)
      stalled.abort(new UserError('unavailable', `${waitsFor} has not moved a byte for ${minutes} min.`))
    } else if (bytes > told) emit(`       ${text()}`)
    told = bytes
  }, every)
  timer.unref()

  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    text,
    end: () => clearInterval(timer),
    async *through(source) {
      for await (const some of source) {
        bytes += some.length
        moved = Date.now()
        waitsFor = to
        yield some
        moved = Date.now()
        waitsFor = from
      }
    },
  }
}
