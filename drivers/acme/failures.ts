/** What a CA says when it does not do what it was asked (RFC 7807, RFC 8555 section 6.7) → what a person is told. */
import { AskLater } from '../../server/devices/classes/certificate.ts'
import { UserError } from '../../server/errors.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Read, if it was JSON. */
  readonly data: unknown
}

/** The CA's own reason. */
export class Refusal extends UserError {
  /** `caa`, `unauthorized` …, or empty. */
  readonly type: string

  constructor(type: string, message: string, hint?: string, detail: readonly string[] = []) {
    super('refused', message, hint, detail)
    this.type = type
  }
}

export interface Problem {
  readonly type?: string
  readonly detail?: string
  readonly subproblems?: readonly (Problem & { readonly identifier?: { readonly value?: string } })[]
}

/** Null: the nonce was stale, and asking again with another one helps. */
export function failureOf(host: string, { status, headers, data }: Answer): UserError | null {
  const problem = (typeof data === 'object' && data !== null ? data : {}) as Problem
  const type = typeOf(problem)
  if (type === 'badNonce') return null
  const reason = problem.detail ?? `it answers ${status}`
  const lines = (problem.subproblems ?? []).map(({ identifier, detail }) => `${identifier?.value}: ${detail}`)
  const after = headers['retry-after']
  if (status === 429 || type === 'rateLimited' || (status === 503 && after !== undefined)) {
    return new AskLater(`The CA at ${host} wants to be asked later: ${reason}`, timeOf(after), lines)
  }
  if (status >= 500) {
    return new UserError('unavailable', `The CA at ${host} has a fault of its own: ${reason}`, undefined, lines)
  }
  return new Refusal(type, `The CA at ${host} refuses: ${reason}`, hints[type], lines)
}

export function typeOf({ type }: Problem): string {
  return type?.split(':').at(-1) ?? ''
}

const hints: Readonly<Record<string, string>> = {
  externalAccountRequired:
    'Adopt it with eab-kid=KEY-ID, and with a line eab=HMAC-KEY on standard input; the CA has given you both',
  caa: 'The CAA records of the domain must name this CA, or there must be none',
}

/** Milliseconds to wait when it does not say. */
const usual = 3_600_000

/** Seconds or a date. */
function timeOf(after: string | string[] | undefined, now = Date.now()): string {
  const [text = ''] = [after].flat()
  const at = /^\d+$/.test(text) ? now + Number(text) * 1000 : Date.parse(text)
  return new Date(Number.isNaN(at) ? now + usual : Math.max(at, now)).toISOString()
}
