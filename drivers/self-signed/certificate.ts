/** A certificate that signs itself, as issuers hand theirs out: it is its whole chain. */
import type { Issued } from '../../server/devices/classes/certificate.ts'
import { selfSigned } from '../shared/certificate.ts'

export async function signItself(names: readonly string[], days: number): Promise<Issued> {
  const { certificate, key } = await selfSigned(names, days)
  return { chain: certificate, key }
}
