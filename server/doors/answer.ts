/** An answer to a hook: lines as they come, then the exit code and what went wrong as trailers. */
import type { ServerResponse } from 'node:http'
import { codes, errorLines, UserError } from '../errors.ts'

export interface Answer {
  line(text: string): void
  /** As they are; resolves when the reader can take more. Throws `cancelled` when it is gone. */
  bytes(bytes: Buffer): Promise<void>
  /** Whole results: a reader that is slow is waited for, so that they may be of any length. */
  all(lines: readonly string[]): Promise<void>
  end(failure?: UserError): void
}

/** The command reads standard input, which the hook only sends when it is asked to. */
export class InputWanted extends UserError {
  /** As it comes, or in one piece. */
  readonly trailer: 'Megapolos-Input' | 'Megapolos-Stream'

  constructor(command: string, { what, streams }: { readonly what: string; readonly streams: boolean }) {
    super('usage', `${command} reads ${what} from standard input.`)
    this.trailer = streams ? 'Megapolos-Stream' : 'Megapolos-Input'
  }
}

/** Bytes that may wait for a slow reader. */
const unreadLimit = 8 * 1024 * 1024
/** curl gives an answer up when a line of its trailer passes 4 KiB. */
const trailerLimit = 1000

export function startAnswer(response: ServerResponse): Answer {
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    trailer: 'Megapolos-Exit, Megapolos-Error, Megapolos-Input, Megapolos-Stream',
  })
  response.flushHeaders()
  return {
    line: (text) => {
      if (response.writableEnded) return
      response.write(`${text}\n`)
      // Whoever does not read any more (a laptop that sleeps on a log) must not fill the kernel's memory.
      if (response.writableLength > unreadLimit) response.destroy()
    },
    bytes: (bytes) =>
      new Promise((resolve, reject) => {
        const gone = () => reject(new UserError('cancelled', 'Whoever asked has hung up.'))
        if (response.destroyed) return gone()
        response.once('close', gone)
        response.write(bytes, (error) => {
          response.off('close', gone)
          if (error) gone()
          else resolve()
        })
      }),
    all: async (lines) => {
      for (const text of lines) if (!response.write(`${text}\n`) && !response.destroyed) await drained(response)
    },
    end: (failure) => {
      if (response.writableEnded) return
      response.addTrailers(trailers(failure))
      response.end()
    },
  }
}

function drained(response: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  response.once('drain', resolve).once('close', resolve)
  return promise.finally(() => response.off('drain', resolve).off('close', resolve))
}

function trailers(failure: UserError | undefined): [string, string][] {
  const exit: [string, string] = ['Megapolos-Exit', String(failure ? codes[failure.code].exit : 0)]
  if (!failure) return [exit]
  if (failure instanceof InputWanted) return [[failure.trailer, 'wanted'], exit]
  return [exit, ...errorLines(failure).map((text): [string, string] => ['Megapolos-Error', headerSafe(text)])]
}

/** Headers carry bytes; control characters are the one thing they cannot. A cut may leave half a character: that goes too. */
function headerSafe(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are taken out
  const bytes = Buffer.from(text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, ' '))
  if (bytes.length <= trailerLimit) return bytes.toString('latin1')
  return Buffer.from(`${bytes.toString('utf8', 0, trailerLimit).replace(/\ufffd+$/, '')}…`).toString('latin1')
}
