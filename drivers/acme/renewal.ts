/** When the CA wants a certificate renewed (ARI, RFC 9773): it is asked with what the certificate says of its issuer. */
import { X509Certificate } from 'node:crypto'
import type { RenewalWindow } from '../../server/devices/classes/certificate.ts'
import { UserError } from '../../server/errors.ts'
import { Refusal } from './failures.ts'
import type { Line } from './line.ts'

export async function renewalOf(line: Line, directory: string, chain: string): Promise<RenewalWindow | null> {
  const { data } = await line.send('GET', directory)
  const { renewalInfo } = (data ?? {}) as { readonly renewalInfo?: string }
  const id = idOf(chain)
  if (renewalInfo === undefined || id === null) return null
  const answer = await line.send('GET', `${renewalInfo}/${id}`).catch(nothingFor)
  if (answer === null) return null
  const { suggestedWindow } = (answer.data ?? {}) as {
    readonly suggestedWindow?: { readonly start?: string; readonly end?: string }
  }
  const [from, until] = [suggestedWindow?.start, suggestedWindow?.end].map((text) => Date.parse(text ?? ''))
  if (from === undefined || until === undefined || !(from <= until)) {
    throw new UserError('unavailable', 'The CA names no window for the renewal that makes sense.')
  }
  return { from: new Date(from).toISOString(), until: new Date(until).toISOString() }
}

/** It does not know a certificate that another CA has signed. */
function nothingFor(error: unknown): null {
  if (error instanceof Refusal) return null
  throw error
}

/** Section 4.1: the issuer's key and the serial number, as they stand in the certificate. Null: it does not name the key. */
function idOf(chain: string): string | null {
  const { raw, serialNumber } = new X509Certificate(chain)
  const issuer = issuerKeyOf(raw)
  // The encoding of a number begins with a zero byte where it would be read as a negative one.
  const serial = /^[89a-f]/i.test(serialNumber) ? `00${serialNumber}` : serialNumber
  return issuer && [issuer, Buffer.from(serial, 'hex')].map((bytes) => bytes.toString('base64url')).join('.')
}

/** RFC 5280, 4.2.1.1. Node reads all of a certificate but this: the extension's name, then three lengths, then the key's id. */
function issuerKeyOf(raw: Buffer): Buffer | null {
  const name = Buffer.from('0603551d23', 'hex')
  const at = raw.indexOf(name) + name.length
  if (at < name.length || raw[at] !== 0x04 || raw[at + 2] !== 0x30 || raw[at + 4] !== 0x80) return null
  return raw.subarray(at + 6, at + 6 + (raw[at + 5] ?? 0))
}
