/** A certificate that somebody brings, with its key: refused with the reason, or put into the order that clients need. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { rootCertificates } from 'node:tls'
import type { Issued } from '../devices/classes/certificate.ts'
import { UserError } from '../errors.ts'
import { blocksOf, issuerOf, namesOf, subjectOf } from './chain.ts'

/** From PEM blocks in any order, with whatever stands around them. Throws `refused`. */
export function ownPair(text: string, now: Date): Issued {
  const blocks = blocksOf(text)
  const key = keyOf(blocks.filter(({ label }) => label.endsWith('PRIVATE KEY')))
  const given = blocks.filter(({ label }) => label.endsWith('CERTIFICATE')).map(({ pem }) => certificateOf(pem))
  if (given.length === 0) throw refused('There is no certificate in it.', 'It begins with -----BEGIN CERTIFICATE-----')
  const leaf = given.find((one) => one.checkPrivateKey(key))
  if (!leaf) throw refused(`The key does not belong to the certificate of ${called(given[0])}.`)
  checkLeaf(leaf, key)
  const chain = chainOf(leaf, given)
  for (const one of chain) checkDates(one, now)
  const pem = chain.map((one) => one.toString()).join('')
  if (pem.length > largestChain)
    throw refused(`Its chain has ${pem.length} bytes; the proxy takes at most ${largestChain} bytes for one.`)
  return {
    chain: pem,
    key: key.export({ type: 'pkcs8', format: 'pem' }) as string,
  }
}

function keyOf(blocks: readonly { readonly label: string; readonly pem: string }[]): KeyObject {
  const [block, other] = blocks
  if (!block) throw refused('There is no private key in it.', 'Send both: cat server.crt server.key | …')
  if (other) throw refused('There are several private keys in it.', 'Send the one that belongs to the certificate.')
  if (block.label === 'ENCRYPTED PRIVATE KEY' || block.pem.includes('ENCRYPTED')) {
    throw refused('The private key is encrypted with a passphrase.', 'Take it off: openssl pkey -in server.key')
  }
  try {
    return createPrivateKey(block.pem)
  } catch {
    throw refused('The private key cannot be read: it is damaged.')
  }
}

function certificateOf(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw refused('A certificate in it cannot be read: it is damaged.')
  }
}

/** Bytes; all certificates together have to fit into the memory of the proxy. */
const largestChain = 64 * 1024
/** Each visit costs the proxy one signature, and that of a longer key takes the time of all others. */
const longestRsa = 4096
const curves = ['prime256v1', 'secp384r1', 'secp521r1']
/** RFC 5280: for servers. */
const serverAuthentication = '1.3.6.1.5.5.7.3.1'

function checkLeaf(leaf: X509Certificate, { asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): void {
  const bits = details?.modulusLength ?? 0
  if (type === 'rsa' && bits < 2048) throw refused(`Its RSA key has ${bits} bits; clients want 2048 at least.`)
  if (type === 'rsa' && bits > longestRsa)
    throw refused(`Its RSA key has ${bits} bits; ${longestRsa} at most are used.`)
  if (type === 'ec' && !curves.includes(details?.namedCurve ?? '')) {
    throw refused(`Its key is on the curve ${details?.namedCurve}; clients know P-256, P-384 and P-521.`)
  }
  if (type !== 'rsa' && type !== 'ec') throw refused(`Its key is of the kind ${type}; clients know RSA and ECDSA.`)
  if (namesOf(leaf).length === 0) {
    throw refused('It names no host in its subject alternative names, and clients read nothing else.')
  }
  // Node calls the extended key usages so.
  const uses = leaf.keyUsage as readonly string[] | undefined
  if (uses !== undefined && !uses.includes(serverAuthentication)) throw refused('It is not meant for servers.')
}

/** The leaf, then whoever signed each, up to what clients know themselves. */
function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf]
  const rest = new Set(given.filter((one) => one.fingerprint256 !== leaf.fingerprint256))
  for (let last = leaf; !signsItself(last); ) {
    const by = [...rest].find((one) => signed(one, last))
    if (!by) {
      if (isKnown(last)) break
      const who = issuerOf(last)
      throw refused(
        `The chain is not complete: ${who} signed ${called(last)}, and is not in it.`,
        `Add the certificate of ${who}.`,
      )
    }
    if (!by.ca) throw refused(`${called(by)} signed ${called(last)}, and may not sign others.`)
    rest.delete(by)
    // Clients have the root, or do not trust it.
    if (!signsItself(by)) chain.push(by)
    last = by
  }
  const [stranger] = rest
  if (stranger) throw refused(`The certificate of ${called(stranger)} has nothing to do with that of ${called(leaf)}.`)
  for (const one of chain) checkSignature(one)
  return chain
}

/** It need not be allowed to sign others. */
function signsItself(one: X509Certificate): boolean {
  return one.subject === one.issuer && one.verify(one.publicKey)
}

function signed(issuer: X509Certificate, one: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey)
}

function isKnown(one: X509Certificate): boolean {
  return rootCertificates.some((pem) => signed(new X509Certificate(pem), one))
}

function checkSignature(one: X509Certificate): void {
  const algorithm = one.signatureAlgorithm ?? ''
  if (/sha1|md5/i.test(algorithm)) {
    throw refused(`The certificate of ${called(one)} is signed with ${algorithm}, which clients do not trust.`)
  }
}

function checkDates(one: X509Certificate, now: Date): void {
  const [from, until] = [new Date(one.validFrom), new Date(one.validTo)]
  if (until <= now) throw refused(`The certificate of ${called(one)} has expired on ${day(until)}.`)
  if (from > now) throw refused(`The certificate of ${called(one)} is valid from ${day(from)} on only.`)
}

function called(one: X509Certificate | undefined): string {
  if (!one) return 'nobody'
  return namesOf(one)[0] ?? subjectOf(one)
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}

function refused(message: string, hint?: string): UserError {
  return new UserError('refused', message, hint)
}
