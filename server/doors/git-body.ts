/** The body of a request to git: unpacked, measured, and its head read before git is started. */
import type { IncomingMessage } from 'node:http'
import { PassThrough, pipeline, type Readable, Transform } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { type Admitted, Refusal } from './git-gate.ts'

/** Unpacked bytes. A push may be as large as the repository takes (`receive.maxInputSize`), and has a head. */
const largest = { 'git-receive-pack': 1024 ** 3 + 1024 ** 2, 'git-upload-pack': 10 * 1024 ** 2 }
const largestHead = 256 * 1024
/** Milliseconds without a byte while git waits for one. */
const patience = 60_000

export interface Body {
  /** Lines up to the first flush, which say what is wanted; null when there is nothing but the flush. */
  readonly head: Buffer | null
  readonly lines: readonly string[]
  /** What came together with the head. */
  readonly begun: Buffer
  readonly rest: Readable
}

export async function openBody(request: IncomingMessage, service: Admitted['service']): Promise<Body> {
  const encoding = request.headers['content-encoding'] ?? 'identity'
  if (!['identity', 'gzip', 'x-gzip'].includes(encoding))
    throw new Refusal(415, ` !     ${service} does not read that encoding.`)
  const rest = new PassThrough()
  const unpack = encoding === 'identity' ? [] : [createGunzip()]
  // What goes wrong is told by `rest`, which is destroyed with the reason.
  pipeline([request, ...unpack, meter(request, largest[service]), rest], () => {})
  rest.on('error', () => {})
  try {
    return { ...(await readHead(rest)), rest }
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(400, ' !     The request broke off, or is none of git’s.')
  }
}

async function readHead(body: Readable): Promise<Omit<Body, 'rest'>> {
  let bytes: Buffer = Buffer.alloc(0)
  for await (const chunk of body.iterator({ destroyOnReturn: false })) {
    bytes = Buffer.concat([bytes, chunk])
    const { end, lines } = parse(bytes)
    if (end !== null)
      return { head: lines.length > 0 ? bytes.subarray(0, end) : null, lines, begun: bytes.subarray(end) }
    if (bytes.length > largestHead) throw new Refusal(413, ' !     That is too many refs at once.')
  }
  throw new Refusal(400, ' !     The request broke off.')
}

/** git's lines: four hexadecimal digits of length, themselves included; `0000` is the flush. */
function parse(bytes: Buffer): { end: number | null; lines: string[] } {
  const lines: string[] = []
  let at = 0
  while (bytes.length >= at + 4) {
    const digits = bytes.toString('latin1', at, at + 4)
    const length = /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 1
    if (length === 0) return { end: at + 4, lines }
    if (length < 5) throw new Refusal(400, ' !     This is none of git’s requests.')
    if (bytes.length < at + length) break
    lines.push(bytes.toString('utf8', at + 4, at + length))
    at += length
  }
  return { end: null, lines }
}

function meter(request: IncomingMessage, limit: number): Transform {
  let size = 0
  let late: NodeJS.Timeout | undefined
  const restart = () => {
    clearTimeout(late)
    late = setTimeout(() => {
      // It is git that is slow, not the client.
      if (request.isPaused()) restart()
      else measure.destroy(new Refusal(408, ' !     Nothing came for a minute.'))
    }, patience)
  }
  const measure = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length
      restart()
      if (size > limit) done(new Refusal(413, ` !     That is more than ${Math.floor(limit / 1024 ** 2)} MiB.`))
      else done(null, chunk)
    },
    destroy(error, done) {
      clearTimeout(late)
      done(error)
    },
    flush(done) {
      clearTimeout(late)
      done()
    },
  })
  restart()
  return measure
}
