/** A request that the proxy has answered, as it notes it. What a client made up of it may hold anything. */
export interface AccessLine {
  /** When it was answered, ISO 8601. */
  readonly time: string
  readonly host: string
  readonly method: string
  /** Without its query, which may hold secrets. */
  readonly path: string
  readonly status: number
  /** Of the answer's body. */
  readonly bytes: number
  /** From the first byte of the request to the last of the answer. */
  readonly seconds: number
  /** Address. */
  readonly client: string
  /** What the app got as `X-Request-Id`. */
  readonly request: string
}

export interface AccessLogOptions {
  /** How many of the newest. */
  readonly num: number
  /** Go on with those that come, until `signal` aborts. */
  readonly follow: boolean
  readonly signal: AbortSignal
}
