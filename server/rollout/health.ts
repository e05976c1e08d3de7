/** Whether a container serves: a web process answers on its PORT, any other one stays alive. */
import { request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { Ending } from '../domain/container.ts'
import type { Checks } from '../domain/release.ts'

export interface CheckInput {
  readonly address: string
  /** Null: not a web process; it has to stay alive for a moment. */
  readonly port: number | null
  /** For the Host header: apps that know their names refuse others. */
  readonly host: string
  readonly checks: Checks
  /** Settles when the process has ended. */
  readonly ended: Promise<Ending>
  readonly signal: AbortSignal
}

export type Verdict =
  | { readonly healthy: true }
  | { readonly healthy: false; readonly why: 'ended'; readonly ending: Ending; readonly after: number }
  | { readonly healthy: false; readonly why: 'status'; readonly status: number }
  /** It took the connection and said nothing, or took none. */
  | { readonly healthy: false; readonly why: 'no-answer' }

/** A process of any other type than web counts as started when it has lived this long (ms). */
export const aliveFor = 3_000

/** Throws only when `signal` aborts or `ended` rejects. */
export async function check(input: CheckInput): Promise<Verdict> {
  const began = performance.now()
  const stop = new AbortController()
  const signal = AbortSignal.any([input.signal, stop.signal])
  const ended = input.ended.then(
    (ending): Verdict => ({ healthy: false, why: 'ended', ending, after: (performance.now() - began) / 1000 }),
  )
  try {
    return await Promise.race([ended, input.port === null ? lives(signal) : answers(input, input.port, signal)])
  } finally {
    stop.abort()
  }
}

async function lives(signal: AbortSignal): Promise<Verdict> {
  await delay(aliveFor, undefined, { signal })
  return { healthy: true }
}

async function answers(input: CheckInput, port: number, signal: AbortSignal): Promise<Verdict> {
  const began = performance.now()
  let last: number | null = null
  for (;;) {
    const waited = performance.now() - began
    const left = input.checks.timeout * 1000 - waited
    if (left <= 0)
      return last === null ? { healthy: false, why: 'no-answer' } : { healthy: false, why: 'status', status: last }
    const status = await ask(input, port, Math.min(left, longestAnswer), signal)
    if (status !== null && accepted(status, input.checks)) return { healthy: true }
    last = status ?? last
    await delay(Math.min(pauseAfter(waited), Math.max(left, 1)), undefined, { signal })
  }
}

/**
 * Milliseconds, as what was waited already. Short at the beginning: everybody waits for it, and nobody for more than a
 * twentieth longer than it took to come up.
 */
export function pauseAfter(waited: number): number {
  return Math.min(Math.max(waited / 20, 5), 500)
}

/** One question waits no longer than this (ms); a process that was asked too early may never answer that one. */
const longestAnswer = 5_000

/** A path of the app's own choice has to succeed. Without one `/` may well redirect, ask for a password or not exist. */
export function accepted(status: number, checks: Checks): boolean {
  return checks.path === null ? status < 500 : status >= 200 && status < 400
}

function ask(input: CheckInput, port: number, timeout: number, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve) => {
    const asked = request({
      host: input.address,
      port,
      path: input.checks.path ?? '/',
      headers: { host: input.host, 'user-agent': 'MegapolOS check', connection: 'close' },
      agent: false,
      signal: AbortSignal.any([signal, AbortSignal.timeout(Math.ceil(timeout))]),
    })
    asked.on('response', (response) => {
      resolve(response.statusCode ?? null)
      response.destroy()
    })
    asked.on('error', () => resolve(null))
    asked.end()
  })
}
