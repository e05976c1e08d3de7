/**
 * One vocabulary of failure for every door. A row says what leaves the house: the exit code of a command (sysexits.h
 * where it has one) and the HTTP status of the same call.
 */
export const codes = {
  /** Refused, and nothing changed: a build, a release task or a check failed. */
  refused: { exit: 1, status: 422 },
  /** The words could not be understood, or a value is not allowed. */
  usage: { exit: 64, status: 400 },
  /** No app, release, key or device has that name. */
  'not-found': { exit: 66, status: 404 },
  /** Somebody else has it, or the world changed in between. */
  conflict: { exit: 73, status: 409 },
  /** Docker, the store, Redis or the proxy does not answer; trying again later may help. */
  unavailable: { exit: 75, status: 503 },
  /** Nobody comes in with this: it is wrong, revoked, or has expired. */
  unauthenticated: { exit: 67, status: 401 },
  forbidden: { exit: 77, status: 403 },
  cancelled: { exit: 130, status: 409 },
  /** A bug. The message is logged, never shown. */
  internal: { exit: 70, status: 500 },
} as const

export type Code = keyof typeof codes

/**
 * A failure that is told to a person: one sentence that says what is wrong, and what to do instead.
 * Anything else that is thrown is a bug and reaches the person as `internal`.
 */
export class UserError extends Error {
  readonly code: Code
  /** What to type or to change instead; shown on its own line. */
  readonly hint: string | undefined
  /** Lines that prove the message, such as the end of a log; shown indented. */
  readonly detail: readonly string[]

  constructor(code: Code, message: string, hint?: string, detail: readonly string[] = []) {
    super(sentence(message))
    this.name = 'UserError'
    this.code = code
    this.hint = hint === undefined ? undefined : sentence(hint)
    this.detail = detail
  }
}

/** Longer ones only repeat what somebody typed. */
const longestSentence = 600

/** What is quoted in it may hold anything: one line, and nothing that a terminal obeys or that turns text around. */
function sentence(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are taken out
  const line = text.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+/g, ' ')
  return line.length > longestSentence ? `${line.slice(0, longestSentence)}…` : line
}

/** Turns whatever was thrown into what may be shown. */
export function told(error: unknown): UserError {
  if (error instanceof UserError) return error
  return new UserError(
    'internal',
    'Internal error; the kernel log says more.',
    'On the server: logs/kernel.log in the data home.',
  )
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** As Heroku's and Dokku's users know it: a mark, the sentence, what to do, then the proof. */
export function errorLines(failure: UserError): string[] {
  return [
    ` !     ${failure.message}`,
    ...(failure.hint ? [` !     ${failure.hint}`] : []),
    ...failure.detail.map((line) => `       ${line}`),
  ]
}
