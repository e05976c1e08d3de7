/** Calls to nginx's control socket, a connection each: none can be idle and half closed when it is needed. */
import { request } from 'node:http'
import { UserError } from '../../server/errors.ts'

export interface Answer {
  readonly status: number
  readonly text: string
}

/** Milliseconds that nginx has for an answer. */
const deadline = 5_000

/** `onSent`: nginx has all of it, and is at work. Throws `unavailable` when it does not answer. */
export function callControl(socketPath: string, path: string, body = '', onSent = () => {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const away = (error: Error) =>
      reject(
        new UserError('unavailable', 'The proxy does not answer.', 'It is started again by itself; try again.', [
          error.message,
        ]),
      )
    const call = request({
      socketPath,
      path,
      method: body === '' ? 'GET' : 'POST',
      agent: false,
      headers: { 'content-length': Buffer.byteLength(body) },
      signal: AbortSignal.timeout(deadline),
    })
    call.on('error', away).on('finish', onSent)
    call.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', away)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      )
    })
    call.end(body)
  })
}

/** The text of a good answer. */
export function okay({ status, text }: Answer): string {
  if (status !== 200) throw new Error(`nginx answered its control socket with ${status}: ${text}`)
  return text
}
