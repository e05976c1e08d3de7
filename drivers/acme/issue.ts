/** One order, from a new key to the signed chain. */
import { X509Certificate } from 'node:crypto'
import type { Issued } from '../../server/devices/classes/certificate.ts'
import { newKey } from './account.ts'
import type { CaClient } from './client.ts'
import { type Problem, Refusal, typeOf } from './failures.ts'
import { type Prover, polled, prove } from './prove.ts'

export async function issue(
  client: CaClient,
  names: readonly string[],
  prover: Prover,
  progress: (line: string) => void,
  signal: AbortSignal,
): Promise<Issued> {
  progress(`Ordering a certificate for ${names.join(', ')}`)
  const order = await client.order(names)
  await prove(client, await client.authorizations(order), prover, progress, signal)
  const key = newKey()
  // `pending` in between: the proofs are valid a moment before their order knows.
  const ready = await polled(() => client.look(order), signal)
  if (ready?.status !== 'ready') throw unsigned(ready)
  const finalized = await client.finalize(ready, names, key)
  const signed = await polled(() => client.look(finalized), signal)
  if (signed?.status !== 'valid') throw unsigned(signed)
  progress('Fetching what the CA has signed')
  return { chain: withoutRoot(await client.download(signed)), key }
}

function unsigned(order: { readonly status: string } | undefined): Refusal {
  const problem: Problem = (order as { readonly error?: Problem } | undefined)?.error ?? {}
  return new Refusal(typeOf(problem), `The CA did not sign: ${problem.detail ?? `the order is ${order?.status}`}`)
}

/** Clients have it; sending it costs them each handshake. */
function withoutRoot([leaf = '', ...above]: readonly string[]): string {
  const kept = above.filter((pem) => {
    const certificate = new X509Certificate(pem)
    return !certificate.checkIssued(certificate)
  })
  return [leaf, ...kept].map((pem) => `${pem.trim()}\n`).join('')
}
