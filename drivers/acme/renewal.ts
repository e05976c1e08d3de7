/** When the CA wants a certificate renewed (ARI, RFC 9773): it is asked with what the certificate says of its issuer. */
import * as x509 from '@peculiar/x509'
import type { RenewalWindow } from '../../server/devices/classes/certificate.ts'
import { UserError } from '../../server/errors.ts'
import type { Line } from './line.ts'

export async function renewalOf(line: Line, directory: string, chain: string): Promise<RenewalWindow | null> {
  const { data } = await line.send('GET', directory)
  const { renewalInfo } = (data ?? {}) as { readonly renewalInfo?: string }
  const id = idOf(chain)
  if (renewalInfo === undefined || id === null) return null
  const answer = await line.send('GET', `${renewalInfo}/${id}`)
  const { suggestedWindow } = (answer.data ?? {}) as {
    readonly suggestedWindow?: { readonly start?: string; readonly end?: string }
  }
  const [from, until] = [suggestedWindow?.start, suggestedWindow?.end].map((text) => Date.parse(text ?? ''))
  if (from === undefined || until === undefined || !(from <= until)) {
    throw new UserError('unavailable', 'The CA names no window for the renewal that makes sense.')
  }
  return { from: new Date(from).toISOString(), until: new Date(until).toISOString() }
}

/** Section 4.1: the issuer's key and the serial number, as they stand in the certificate. Null: it does not name the key. */
function idOf(chain: string): string | null {
  const leaf = new x509.X509Certificate(chain)
  const issuer = leaf.getExtension(x509.AuthorityKeyIdentifierExtension)?.keyId
  if (issuer === undefined) return null
  const serial = leaf.serialNumber
  // Its encoding begins with a zero byte where the number would be read as a negative one.
  const encoded = /^[89a-f]/i.test(serial) ? `00${serial}` : serial
  return [issuer, encoded].map((hex) => Buffer.from(hex, 'hex').toString('base64url')).join('.')
}
