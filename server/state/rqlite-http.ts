/** One HTTP request to rqlite, with a deadline, and its failures in the house's words. */
import { type Agent, type IncomingMessage, request } from 'node:http'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { messageOf, UserError } from '../errors.ts'

export interface RqliteOptions {
  readonly port: number
  readonly user: string
  readonly password: string
}

export interface RqliteRequest {
  readonly path: string
  /** JSON, or the bytes of a database file; none makes it a GET. */
  readonly body?: string | Readable
  /** Milliseconds that the whole exchange may take. */
  readonly deadline: number
}

export interface RqliteAnswer {
  readonly stream: IncomingMessage
  text(): Promise<string>
}

export async function rqliteHttp(
  options: RqliteOptions,
  agent: Agent,
  { path, body, deadline }: RqliteRequest,
): Promise<RqliteAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const outgoing = request({
    agent,
    host: '127.0.0.1',
    port: options.port,
    method: body === undefined ? 'GET' : 'POST',
    path,
    auth: `${options.user}:${options.password}`,
    headers: typeof body === 'string' ? jsonHeaders(body) : body ? { 'content-type': 'application/octet-stream' } : {},
    signal: AbortSignal.timeout(deadline),
  })
  outgoing.on('response', resolve).on('error', reject)
  if (body === undefined || typeof body === 'string') outgoing.end(body)
  else body.on('error', (error) => outgoing.destroy(error)).pipe(outgoing)

  const told = (error: unknown) => unavailable(options.port, messageOf(error))
  const stream = await promise.catch((error) => Promise.reject(told(error)))
  const read = () => text(stream).catch((error) => Promise.reject(told(error)))
  if (stream.statusCode !== 200) throw refusal(options, stream.statusCode ?? 0, await read())
  return { stream, text: read }
}

export function unavailable(port: number, cause: string): UserError {
  return new UserError(
    'unavailable',
    `The store (rqlite) does not answer on 127.0.0.1:${port}.`,
    'On the server: systemctl status megapolos-rqlite',
    [cause.trim()],
  )
}

function jsonHeaders(body: string): Record<string, string | number> {
  return { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
}

function refusal({ port, user }: RqliteOptions, status: number, answer: string): Error {
  if (status === 401) {
    return new UserError('forbidden', `The store (rqlite) does not accept the password of ${user}.`)
  }
  // 503 while it has no leader: for a second after it started, or when most nodes are away.
  if (status === 503) return unavailable(port, answer)
  return new Error(`rqlite answered ${status}: ${answer.slice(0, 500)}`)
}
