/** dockerode's transport to the engine's socket: errors in the house's words, and a deadline for every answer. */
import Modem from 'docker-modem'
import { messageOf, UserError } from '../errors.ts'
import { step } from '../steps.ts'

/** Paths carry no version: they mean the daemon's own newest, with the oldest engine as with a future one. */
export class Transport extends Modem {
  readonly #socket: string
  readonly #deadline: number

  /** `deadline`: milliseconds until a call counts as unanswered; a stream takes as long as it takes. */
  constructor(socket: string, deadline: number) {
    super({ socketPath: socket })
    this.#socket = socket
    this.#deadline = deadline
    // dockerode's classes make their promises with it; its main class would have set it.
    this.Promise = Promise
  }

  /** Every call of dockerode's classes goes through here. */
  override dial(options: Modem.DialOptions, callback: Modem.RequestCallback): void {
    const path = options.path
      .replace(/\?.*/, '')
      .replaceAll('%2F', '/')
      .replace(/(sha256%3A)?[0-9a-f]{64}/, '…')
    step(`docker: ${options.method} ${path}`, () => this.#dialled(options)).then(
      (result) => callback(null, result),
      (error) => callback(error, null),
    )
  }

  #dialled(options: Modem.DialOptions): Promise<Dialled> {
    const { promise, resolve, reject } = Promise.withResolvers<Dialled>()
    const late = () => reject(unavailable(this.#socket, new Error(`no answer in ${this.#deadline} ms`)))
    const timer = options.isStream ? undefined : setTimeout(late, this.#deadline)
    // 304: it was so already.
    super.dial({ ...options, statusCodes: { ...options.statusCodes, 304: true } }, (error, result) => {
      clearTimeout(timer)
      if (error) reject(understood(error, this.#socket))
      else resolve(result)
    })
    return promise
  }
}

type Dialled = Parameters<Modem.RequestCallback>[1]

/** The engine answered, and refused. */
export class EngineError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'EngineError'
    this.status = status
  }
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

function unavailable(socket: string, error: Error): UserError {
  return new UserError(
    'unavailable',
    `Docker does not answer on ${socket}.`,
    'Is it running? On the server: systemctl status docker',
    [messageOf(error)],
  )
}
