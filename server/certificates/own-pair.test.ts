import { execFileSync } from 'node:child_process'
import { createPrivateKey, webcrypto, X509Certificate } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { beforeAll, expect, test } from 'vitest'
import { ownPair } from './own-pair.ts'

const now = new Date()
const day = 24 * 3_600_000
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
type Algorithm = webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams | webcrypto.Algorithm

interface Made {
  readonly certificate: string
  readonly key: string
  readonly keys: webcrypto.CryptoKeyPair
  readonly subject: string
}
/** A certificate that `by` signed, or that signs itself. */
async function make(
  subject: string,
  by: Made | null,
  {
    names = [] as string[],
    ca = false,
    from = -1,
    until = 30,
    algorithm = ecdsa as Algorithm,
    hash = 'SHA-256',
    uses = [x509.ExtendedKeyUsage.serverAuth] as string[],
  } = {},
): Promise<Made> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair
  const signer = by?.keys ?? keys
  const made = await x509.X509CertificateGenerator.create({
    ...{ subject: `CN=${subject}`, issuer: `CN=${by?.subject ?? subject}`, publicKey: keys.publicKey },
    ...{ signingKey: signer.privateKey, signingAlgorithm: { ...signer.privateKey.algorithm, hash } as typeof ecdsa },
    ...{ notBefore: new Date(now.getTime() + from * day), notAfter: new Date(now.getTime() + until * day) },
    extensions: [
      new x509.BasicConstraintsExtension(ca, undefined, true),
      ...(names.length > 0
        ? [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))]
        : []),
      ...(ca ? [] : [new x509.ExtendedKeyUsageExtension(uses)]),
    ],
  })
  const key = x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
  return { certificate: `${made.toString('pem')}\n`, key: `${key}\n`, keys, subject }
}

let root: Made
let middle: Made
let leaf: Made
beforeAll(async () => {
  root = await make('Root', null, { ca: true })
  middle = await make('Middle', root, { ca: true })
  leaf = await make('leaf', middle, { names: ['Example.com', '*.example.com'] })
})

const subjects = (chain: string) =>
  chain
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .filter(Boolean)
    .map((pem) => new X509Certificate(pem).subject)

test('in whatever order they come, the leaf is served first, and the root is not', () => {
  for (const order of [
    [leaf.certificate, middle.certificate, root.certificate, leaf.key],
    [leaf.key, root.certificate, middle.certificate, leaf.certificate],
  ]) {
    const { chain, key } = ownPair(order.join('some text between\n').replaceAll('\n', '\r\n'), now)
    expect(subjects(chain)).toEqual(['CN=leaf', 'CN=Middle'])
    expect(createPrivateKey(key).export({ type: 'pkcs8', format: 'pem' })).toBe(leaf.key)
  }
})

test('a tar of both is read as it is', () => {
  const files = { 'server.crt': leaf.certificate + middle.certificate + root.certificate, 'server.key': leaf.key }
  const folder = execFileSync('mktemp', ['-d'], { encoding: 'utf8' }).trim()
  for (const [name, text] of Object.entries(files)) execFileSync('tee', [`${folder}/${name}`], { input: text })
  const tar = execFileSync('tar', ['-C', folder, '-cf', '-', ...Object.keys(files)], { encoding: 'utf8' })
  expect(subjects(ownPair(tar, now).chain)).toEqual(['CN=leaf', 'CN=Middle'])
})

test('one that signs itself is taken: who brings it knows who trusts it', async () => {
  const own = await make('own', null, { names: ['example.com'] })
  expect(subjects(ownPair(own.certificate + own.key, now).chain)).toEqual(['CN=own'])
})

const with_ = (one: Made, ...more: string[]) => [one.certificate, ...more, one.key].join('')
const above = () => middle.certificate + root.certificate
const rsa = (modulusLength: number) =>
  ({ name: 'RSASSA-PKCS1-v1_5', modulusLength, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }) as const

test.each<readonly [string, () => Promise<string>, RegExp]>([
  ['without a certificate', async () => leaf.key, /^There is no certificate in it/],
  ['without a key', async () => leaf.certificate, /^There is no private key in it/],
  ['with two keys', async () => with_(leaf, above()) + root.key, /^There are several private keys/],
  [
    'with a key under a passphrase',
    async () => leaf.certificate + leaf.key.replaceAll('PRIVATE KEY', 'ENCRYPTED PRIVATE KEY'),
    /encrypted with a passphrase/,
  ],
  [
    'with a damaged key',
    async () => leaf.certificate + leaf.key.replace(/\n.{20}/, '\n'),
    /^The private key cannot be read/,
  ],
  [
    'with a damaged certificate',
    async () => leaf.certificate.replace(/\n.{20}/, '\n') + leaf.key,
    /^A certificate in it cannot be read/,
  ],
  ['with the key of another', async () => leaf.certificate + above() + (await make('x', null)).key, /does not belong/],
  [
    'without its middle',
    async () => with_(leaf, root.certificate),
    /^The chain is not complete: Middle signed example\.com/,
  ],
  ['whose issuer nobody knows', async () => with_(leaf, middle.certificate), /complete: Root signed Middle/],
  [
    'with a stranger in its chain',
    async () => with_(leaf, above(), (await make('Stranger', null, { ca: true })).certificate),
    /^The certificate of Stranger has nothing to do with that of example\.com/,
  ],
  [
    'signed by one that may not',
    async () => {
      const no = await make('No CA', root)
      return with_(await make('below', no, { names: ['example.com'] }), no.certificate, root.certificate)
    },
    /^No CA signed example\.com, and may not sign others/,
  ],
  [
    'that has expired',
    async () => with_(await make('old', middle, { names: ['example.com'], from: -9, until: -2 }), above()),
    /has expired on \d{4}-\d\d-\d\d/,
  ],
  [
    'that is not valid yet',
    async () => with_(await make('new', middle, { names: ['example.com'], from: 2 }), above()),
    /is valid from \d{4}-\d\d-\d\d on only/,
  ],
  [
    'whose middle has expired',
    async () => {
      const old = await make('Old middle', root, { ca: true, from: -9, until: -2 })
      return with_(await make('below', old, { names: ['example.com'] }), old.certificate, root.certificate)
    },
    /^The certificate of Old middle has expired/,
  ],
  ['that names no host', async () => with_(await make('example.com', middle), above()), /names no host/],
  [
    'that is for mail',
    async () => with_(await make('mail', middle, { names: ['example.com'], uses: ['1.3.6.1.5.5.7.3.4'] }), above()),
    /not meant for servers/,
  ],
  [
    'with a short RSA key',
    async () => with_(await make('short', middle, { names: ['example.com'], algorithm: rsa(1024) }), above()),
    /RSA key has 1024 bits/,
  ],
  [
    'with a giant RSA key',
    async () => with_(await make('giant', middle, { names: ['example.com'], algorithm: rsa(5120) }), above()),
    /RSA key has 5120 bits/,
  ],
  [
    'that would fill the proxy',
    async () => {
      const names = Array.from({ length: 1500 }, (_, at) => `a-name-of-forty-characters-${at}.example.com`)
      return with_(await make('big', middle, { names }), above())
    },
    /at most 65536 bytes/,
  ],
  [
    'with an Ed25519 key',
    async () => with_(await make('ed', middle, { names: ['example.com'], algorithm: { name: 'Ed25519' } }), above()),
    /of the kind ed25519/,
  ],
  [
    'signed with SHA-1',
    async () => with_(await make('weak', middle, { names: ['example.com'], hash: 'SHA-1' }), above()),
    /signed with .*SHA1/i,
  ],
  // A giant key takes as long as chance has it to be found.
])('one %s is refused with the reason', { timeout: 180_000 }, async (_, text, reason) => {
  const bad = await text()
  expect(() => ownPair(bad, now)).toThrow(
    expect.objectContaining({ code: 'refused', message: expect.stringMatching(reason) }),
  )
})
