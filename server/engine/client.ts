/** Calls of the Engine API over its socket, through dockerode's own transport: the whole of dockerode would also load gRPC. */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import Modem from 'docker-modem'
import { messageOf, UserError } from '../errors.ts'

export interface Client {
  /** The parsed answer. Throws `EngineError` for an answer that says no, `unavailable` when there is none. */
  json<T>(method: Method, path: string, request?: Request): Promise<T>
  /** The body as it comes; for answers that take as long as they take. */
  stream(method: Method, path: string, request?: Request): Promise<IncomingMessage>
  /** The connection itself, once the engine has switched it over to a process's streams. */
  hijack(path: string, request?: Request): Promise<Duplex>
}

export type Method = 'GET' | 'POST' | 'DELETE'

export interface Request {
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: object
  readonly signal?: AbortSignal
  /** Milliseconds until a call counts as unanswered; not for streams. */
  readonly deadline?: number
}

/** The engine answered, and refused. */
export class EngineError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'EngineError'
    this.status = status
  }
}

/** Paths carry no version: they mean the daemon's own newest, with the oldest engine as with a future one. */
export function createClient(socket: string): Client {
  const modem = new Modem({ socketPath: socket })

  function dial(method: Method, path: string, request: Request, kind: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      modem.dial(
        {
          path: `${path}?`,
          method,
          options: { _query: request.query ?? {}, _body: request.body ?? {} },
          statusCodes: accepted,
          ...(request.signal && { abortSignal: request.signal }),
          ...kind,
        },
        (error, result) => (error ? reject(understood(error, socket)) : resolve(isEmpty(result) ? undefined : result)),
      )
    })
  }

  return {
    json: (method, path, request = {}) =>
      withDeadline(dial(method, path, request, {}), request.deadline ?? 60_000, socket) as Promise<never>,
    stream: (method, path, request = {}) => dial(method, path, request, { isStream: true }) as Promise<IncomingMessage>,
    hijack: (path, request = {}) => dial('POST', path, request, { isStream: true, hijack: true }) as Promise<Duplex>,
  }
}

const accepted = { 101: true, 200: true, 201: true, 204: true, 304: true }

function isEmpty(result: unknown): boolean {
  return Buffer.isBuffer(result) && result.length === 0
}

export function isStatus(error: unknown, ...statuses: readonly number[]): boolean {
  return error instanceof EngineError && statuses.includes(error.status)
}

function understood(error: Error & { statusCode?: number; json?: unknown }, socket: string): Error {
  if (error.name === 'AbortError') return error
  if (error.statusCode === undefined) return unavailable(socket, error)
  const said = (error.json as { message?: string } | null | undefined)?.message
  return new EngineError(error.statusCode, said ?? messageOf(error).trim())
}

function unavailable(socket: string, error: Error & { code?: string }): UserError {
  return new UserError(
    'unavailable',
    `Docker does not answer on ${socket}.`,
    'Is it running? On the server: systemctl status docker',
    [messageOf(error)],
  )
}

async function withDeadline(answer: Promise<unknown>, deadline: number, socket: string): Promise<unknown> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(unavailable(socket, new Error(`no answer in ${deadline} ms`))), deadline)
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
