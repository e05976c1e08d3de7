/** What a chain of certificates says of itself. */
import { X509Certificate } from 'node:crypto'

export interface DescribedChain {
  readonly leaf: X509Certificate
  /** Lower case; only names, no addresses. */
  readonly names: readonly string[]
  readonly issuer: string
  /** RFC 3339, UTC: from when to when all of the chain is valid. */
  readonly notBefore: string
  readonly notAfter: string
}

/** Of PEM blocks, the leaf first. Throws what OpenSSL says of one that is none. */
export function describedChain(chain: string): DescribedChain {
  const all = certificatesOf(chain)
  const leaf = all[0]
  if (!leaf) throw new Error('there is no certificate in it')
  return {
    leaf,
    names: namesOf(leaf),
    issuer: issuerOf(leaf),
    notBefore: new Date(Math.max(...all.map(({ validFrom }) => Date.parse(validFrom)))).toISOString(),
    notAfter: new Date(Math.min(...all.map(({ validTo }) => Date.parse(validTo)))).toISOString(),
  }
}

export function certificatesOf(text: string): X509Certificate[] {
  return blocksOf(text)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ pem }) => new X509Certificate(pem))
}

/** PEM blocks of a text that may have anything around them, such as a tar of PEM files. */
export function blocksOf(text: string): { readonly label: string; readonly pem: string }[] {
  return [...text.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[\s\S]+?-----END \1-----/g)].map(([pem, label = '']) => ({
    label,
    pem: `${pem.replaceAll('\r', '')}\n`,
  }))
}

/** Its subject alternative names; what a common name says, no client reads any more. */
export function namesOf({ subjectAltName = '' }: X509Certificate): string[] {
  return [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(([, name = '']) => name.toLowerCase())
}

/** As people call it: its organization with its common name, or whichever of them it has. */
export function issuerOf({ issuer }: X509Certificate): string {
  return calledIn(issuer)
}

export function subjectOf({ subject }: X509Certificate): string {
  return calledIn(subject ?? '')
}

function calledIn(distinguished: string): string {
  const field = (name: string) => new RegExp(`^${name}=(.+)$`, 'm').exec(distinguished)?.[1]
  const parts = [field('O'), field('CN')].filter((part) => part !== undefined)
  return parts.join(' ') || distinguished.split('\n')[0] || 'nobody'
}
