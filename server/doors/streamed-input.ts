/** A command line, a NUL, and then standard input as it comes. */
import { PassThrough, pipeline, type Readable } from 'node:stream'
import { UserError } from '../errors.ts'

/** Bytes that a command line may be long. */
const lineLimit = 512 * 1024

export async function lineAndRest(request: Readable): Promise<{ readonly line: string; readonly rest: Readable }> {
  let head: Buffer = Buffer.alloc(0)
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    head = Buffer.concat([head, chunk as Buffer])
    const at = head.indexOf(0)
    if (at >= 0) return { line: head.toString('utf8', 0, at), rest: restOf(head.subarray(at + 1), request) }
    if (head.length > lineLimit) throw new UserError('usage', 'That is too long for a command.')
  }
  throw new UserError('cancelled', 'You hung up before the command was complete.')
}

/** Whoever hangs up ends it with an error: half of a dump must not look whole. */
function restOf(begun: Buffer, request: Readable): Readable {
  const rest = new PassThrough()
  if (begun.length > 0) rest.write(begun)
  return pipeline(request, rest, () => {})
}
