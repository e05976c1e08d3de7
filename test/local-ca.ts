/** A certificate authority of somebody's own, as a company has one. */
import { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

export interface LocalCa {
  /** PEM. */
  readonly root: string
  /** Certificate, whoever signed it, and key in one PEM text, as an operator sends it. */
  pair(...names: readonly string[]): Promise<string>
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
/** Milliseconds. */
const day = 24 * 3_600_000

export async function createLocalCa(): Promise<LocalCa> {
  const issuer = 'CN=Local test CA'
  const times = { notBefore: new Date(Date.now() - day), notAfter: new Date(Date.now() + 30 * day) }
  const keys = await newKeys()
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ keys, name: issuer, signingAlgorithm: algorithm, ...times },
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  })
  return {
    root: root.toString('pem'),
    async pair(...names) {
      const { publicKey, privateKey } = await newKeys()
      const leaf = await x509.X509CertificateGenerator.create({
        ...{ subject: `CN=${names[0]}`, issuer, publicKey, signingKey: keys.privateKey, ...times },
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }))),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
        ],
      })
      const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY')
      return `${leaf.toString('pem')}\n${root.toString('pem')}\n${key}\n`
    },
  }
}

const newKeys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
