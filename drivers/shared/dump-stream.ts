/** Bytes of a dump, and whether they were whole: known apart from them, since bytes that break off may look fine. */
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../../server/errors.ts'

export interface DumpStream<T> {
  readonly bytes: Readable
  /** What the source returned; rejects when it failed, was cancelled, or nobody read it to its end. */
  readonly whole: Promise<T>
}

/** The source throws unless everything came; `stop` ends what feeds it. */
export function dumpStream<T>(source: AsyncGenerator<Buffer, T>, signal: AbortSignal, stop: () => void): DumpStream<T> {
  const bytes = new PassThrough()
  const { promise: whole, resolve, reject } = Promise.withResolvers<T>()
  async function* watched() {
    try {
      resolve(yield* source)
    } catch (error) {
      throw told(error, signal)
    }
  }
  // What breaks it is seen where the bytes close.
  pipeline(watched(), bytes).catch(() => {})
  bytes.once('close', () => {
    if (bytes.readableEnded) return
    reject(told(bytes.errored, signal))
    stop()
  })
  // Whoever takes only one of the two learns of it there.
  bytes.on('error', () => {})
  whole.catch(() => {})
  return { bytes, whole }
}

export function cancelled(signal: AbortSignal): UserError | null {
  return signal.aborted ? new UserError('cancelled', 'Cancelled.') : null
}

function told(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return cancelled(signal)
  const { name, code } = (error ?? { name: 'AbortError' }) as NodeJS.ErrnoException
  if (name === 'AbortError') return new UserError('cancelled', 'The dump was not read to its end.')
  return code === 'ERR_STREAM_PREMATURE_CLOSE' ? new UserError('unavailable', 'The dump broke off.') : error
}
