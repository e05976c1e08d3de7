/** Shows the CA that the names are ours: on the web, where the kernel shows it, or by a DNS record. */

import { setTimeout as pause } from 'node:timers/promises'
import type { Authorization } from 'acme-client'
import type { ChallengeAnswers } from '../../server/devices/classes/certificate.ts'
import { UserError } from '../../server/errors.ts'
import type { CaClient, Challenge } from './client.ts'
import { type Problem, Refusal, typeOf } from './failures.ts'
import type { Records } from './records.ts'

export interface Prover {
  readonly type: 'http-01' | 'dns-01'
  show(proof: Proof, signal: AbortSignal): Promise<void>
  /** Whatever came before, and however often. */
  withdraw(proof: Proof): Promise<void>
}

interface Proof {
  /** Without the star of a wildcard. */
  readonly name: string
  readonly token: string
  readonly text: string
}

export function proverOf(answers: ChallengeAnswers, records: Records | null): Prover {
  if (records === null) {
    return {
      type: 'http-01',
      show: ({ token, text }) => answers.show(token, text),
      withdraw: ({ token }) => answers.withdraw(token),
    }
  }
  return {
    type: 'dns-01',
    show: ({ name, text }, signal) => records.add(recordOf(name, text), signal),
    withdraw: ({ name, text }) => records.remove(recordOf(name, text)),
  }
}

function recordOf(name: string, value: string): { name: string; value: string } {
  return { name: `_acme-challenge.${name}`, value }
}

/** All that still have to be proven, at the same time. Throws `refused`, naming those that were not, and the CA's reasons. */
export async function prove(
  client: CaClient,
  authorizations: readonly Authorization[],
  prover: Prover,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const open = authorizations.filter(({ status }) => status !== 'valid')
  // One that failed does not keep the others from being taken back before anybody hears of it.
  const ended = await Promise.allSettled(open.map((one) => proveOne(client, one, prover, progress, signal)))
  const failures = ended.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []))
  if (failures.length === 0) return
  signal.throwIfAborted()
  const other = failures.find((error) => !(error instanceof Refusal))
  if (other !== undefined || failures.length === 1) throw other ?? failures[0]
  const names = open.flatMap((one, n) => (ended[n]?.status === 'rejected' ? [nameOf(one)] : []))
  const lines = (failures as Refusal[]).map(({ message }) => message)
  throw new Refusal('', `${names.sort().join(', ')} could not be proven.`, (failures[0] as Refusal).hint, lines.sort())
}

async function proveOne(
  client: CaClient,
  authorization: Authorization,
  prover: Prover,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const shown = nameOf(authorization)
  const challenge = authorization.challenges.find(({ type }) => type === prover.type)
  if (challenge === undefined) {
    const offered = authorization.challenges.map(({ type }) => type).join(', ')
    throw new Refusal('', `The CA does not take ${prover.type} for ${shown}, but ${offered}.`)
  }
  const proof = { name: authorization.identifier.value, token: tokenOf(challenge), text: await client.proof(challenge) }
  try {
    await prover.show(proof, signal)
    signal.throwIfAborted()
    progress(`Proving ${shown} by ${prover.type}`)
    await client.ready(challenge)
    const look = async () => (await client.authorizations({ authorizations: [authorization.url] }))[0]
    const decided = await polled(look, signal)
    const tried = decided?.challenges.find(({ type }) => type === prover.type)
    if (decided?.status !== 'valid') throw unproven(shown, tried)
  } finally {
    await prover.withdraw(proof)
  }
}

function nameOf({ identifier, wildcard }: Authorization): string {
  return wildcard ? `*.${identifier.value}` : identifier.value
}

/** It becomes a path, and a line for other programs. */
function tokenOf({ token }: Challenge): string {
  if (/^[A-Za-z0-9_-]{1,200}$/.test(token)) return token
  throw new UserError('unavailable', 'The CA does not speak ACME as it should: a token has other characters.')
}

function unproven(name: string, challenge: Challenge | undefined): Refusal {
  const problem: Problem = (challenge as { readonly error?: Problem } | undefined)?.error ?? {}
  const byDns = challenge?.type === 'dns-01'
  const hint = byDns
    ? `What the world sees: dig TXT _acme-challenge.${name.replace('*.', '')}`
    : `${name} must lead to port 80 of this server, at each address that it has`
  const why = problem.detail ?? 'the CA does not say why'
  return new Refusal(typeOf(problem), `${name} could not be proven: ${why}`, hint)
}

/** Until it is decided; each look comes later than the one before it. */
export async function polled<T extends { readonly status: string }>(
  look: () => Promise<T | undefined>,
  signal: AbortSignal,
): Promise<T | undefined> {
  for (let wait = 100; ; wait = Math.min(wait * 1.5, 5_000)) {
    const found = await look()
    if (found?.status !== 'pending' && found?.status !== 'processing') return found
    await pause(wait, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
