/**
 * Stands before the reader of messages, which believes any header and would wait for a gigabyte in memory: lets through
 * nothing but whole headers of one line, and no message that is too large; and not more of them than a mind can follow.
 */
import { Transform } from 'node:stream'

/** Bytes of one message: the contents of a database with ten thousand tables have two million. */
export const largestMessage = 8 * 1024 ** 2
/** Bytes of a header; `Content-Length: 8388608` and a `Content-Type` fit in. */
const longestHeader = 200
/** Messages in a second; calls one after the other come to a thousand. */
const mostMessages = 5_000

/** Fails with a sentence about what was sent. */
export function guardFrames(now: () => number = Date.now): Transform {
  let header = ''
  let rest = 0
  let second = 0
  let count = 0

  function begin(text: string): void {
    const length = /^Content-Length: *(\d{1,12})\r\n(?:Content-Type: *[^\r\n]*\r\n)?\r\n$/i.exec(text)?.[1]
    if (length === undefined) throw new Error('it wrote something that is no message to its standard output')
    rest = Number(length)
    if (rest > largestMessage) throw new Error(`it sent a message of ${rest} bytes; ${largestMessage} are allowed`)
    const at = Math.floor(now() / 1000)
    count = at === second ? count + 1 : 1
    second = at
    if (count > mostMessages) throw new Error(`it sent more than ${mostMessages} messages in a second`)
  }

  function look(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      if (rest > 0) {
        const step = Math.min(rest, chunk.length - at)
        rest -= step
        at += step
        continue
      }
      const end = chunk.indexOf('\n', at)
      const to = end < 0 ? chunk.length : end + 1
      header += chunk.toString('latin1', at, to)
      at = to
      if (header.length > longestHeader) throw new Error('it wrote something that is no message to its standard output')
      if (!header.endsWith('\r\n\r\n')) continue
      begin(header)
      header = ''
    }
  }

  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      try {
        look(chunk)
        done(null, chunk)
      } catch (error) {
        done(error as Error)
      }
    },
  })
}
