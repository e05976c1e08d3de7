/**
 * Requests to a CA. acme-client's own transport is one for the whole process: it trusts one set of roots, repeats a request
 * that nobody answers for half a minute, hides why, and cannot be cancelled.
 */
import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { text } from 'node:stream/consumers'
import { messageOf, UserError } from '../../server/errors.ts'
import { type Answer, failureOf } from './failures.ts'

export interface Line {
  /** Ends all that goes on. */
  readonly signal: AbortSignal
  /** Throws what a person can be told, for answers that are errors too, but for a nonce that has gone stale. */
  send(method: string, url: string, body?: unknown): Promise<Answer>
  close(): void
}

/** `ca`: path of the PEM that it is trusted by; null: what the machine trusts. `patience`: milliseconds for one answer. */
export async function openLine(ca: string | null, signal: AbortSignal, patience = 20_000): Promise<Line> {
  const trusted = ca === null ? undefined : await readRoots(ca)
  const agent = new Agent({ keepAlive: true, ...(trusted === undefined ? {} : { ca: trusted }) })
  return {
    signal,
    async send(method, url, body) {
      const { host } = new URL(url)
      const late = AbortSignal.timeout(patience)
      const answer = await ask(method, url, body, agent, AbortSignal.any([signal, late])).catch((error) => {
        if (signal.aborted) throw signal.reason
        throw late.aborted ? unanswered(host, `it said nothing in ${patience / 1000} s`) : explained(host, error)
      })
      const failure = answer.status < 400 ? null : failureOf(host, answer)
      if (failure !== null) throw failure
      return answer
    },
    close: () => agent.destroy(),
  }
}

async function readRoots(path: string): Promise<string> {
  const pem = await readFile(path, 'utf8').catch((error) => {
    throw new UserError('usage', `The root that the CA is trusted by cannot be read: ${messageOf(error)}.`)
  })
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw new UserError('usage', `There is no certificate in ${path}.`, 'ca= is the path of a PEM file')
}

async function ask(method: string, url: string, body: unknown, agent: Agent, signal: AbortSignal): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const headers = { 'content-type': 'application/jose+json', 'user-agent': 'MegapolOS acme-client' }
  const asked = request(url, { method, headers, agent, signal }, resolve).on('error', reject)
  asked.end(body === undefined ? undefined : JSON.stringify(body))
  const response = await promise
  const said = await text(response)
  return { status: response.statusCode ?? 0, headers: response.headers, data: read(said) }
}

function read(said: string): unknown {
  try {
    return JSON.parse(said)
  } catch {
    return said
  }
}

function explained(host: string, error: NodeJS.ErrnoException): UserError {
  const { code = '' } = error
  if (/CERT|SIGNATURE|ISSUER/.test(code)) {
    const hint = 'For a CA of your own, give the root that it is trusted by: ca=/etc/ssl/our-root.pem'
    return new UserError('unavailable', `Who answers as ${host} is not trusted: ${error.message.split(';')[0]}.`, hint)
  }
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'the connection was refused',
    ECONNRESET: 'the connection broke off',
    ENOTFOUND: 'there is no such name',
    ETIMEDOUT: 'nothing came back',
    EHOSTUNREACH: 'there is no way to it',
    ENETUNREACH: 'there is no way to it',
    EAI_AGAIN: 'its name could not be looked up',
  }
  return unanswered(host, reasons[code] ?? (error.message || code))
}

function unanswered(host: string, why: string): UserError {
  return new UserError('unavailable', `The CA at ${host} does not answer: ${why}.`)
}
