/** A certificate that signs itself: any client that is told to trust it may. */
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import type { Issued } from '../../server/devices/classes/certificate.ts'

/** ECDSA P-256, for these names and addresses, from a little before now: clocks differ. */
export async function signItself(names: readonly string[], days: number): Promise<Issued> {
  // Large; a kernel that signs nothing goes without it.
  const x509 = await import('@peculiar/x509')
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    keys,
    signingAlgorithm: { ...curve, hash: 'SHA-256' },
    // What it is for stands in the alternative names; a common name would have to be shorter than some of them.
    name: 'CN=self-signed',
    notBefore: new Date(Date.now() - hour),
    notAfter: new Date(Date.now() + days * 24 * hour),
    extensions: [
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
    ],
  })
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)
  return { chain: `${made.toString('pem')}\n`, key: `${x509.PemConverter.encode(key, 'PRIVATE KEY')}\n` }
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' } as const
/** Milliseconds. */
const hour = 3_600_000
