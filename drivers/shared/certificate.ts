/** A certificate that signs itself: enough for clients that want TLS and do not ask who answers, or were told to trust it. */
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'

export interface Certificate {
  /** PEM. */
  readonly key: string
  readonly certificate: string
}

/** ECDSA P-256, for these names and addresses. */
export async function selfSigned(names: readonly string[], days: number, now = Date.now()): Promise<Certificate> {
  // Large; a kernel that signs nothing goes without it.
  const x509 = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm: { ...curve, hash: 'SHA-256' },
    name: [{ CN: [names.find((name) => name.length <= longestCommonName) ?? 'self-signed'] }],
    // Clocks differ.
    notBefore: new Date(now - hour),
    notAfter: new Date(now + days * 24 * hour),
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  })
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { key: `${key}\n`, certificate: `${made.toString('pem')}\n` }
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
/** RFC 5280; what the certificate is for stands in the other names anyway. */
const longestCommonName = 64
/** Milliseconds. */
const hour = 3_600_000
