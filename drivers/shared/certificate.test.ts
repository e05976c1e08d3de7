import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { selfSigned } from './certificate.ts'

test('the certificate is its own issuer, and its signature holds', () => {
  const { certificate } = selfSigned('blog')
  const read = new X509Certificate(certificate)
  expect(read.subject).toBe('CN=blog')
  expect(read.verify(read.publicKey)).toBe(true)
  expect(Date.parse(read.validTo)).toBeGreaterThan(Date.now() + 19 * 365 * 86_400_000)
})

test('it is valid over the end of the two-digit years', () => {
  const { certificate } = selfSigned('blog', new Date('2049-06-01T00:00:00Z'))
  expect(new Date(new X509Certificate(certificate).validTo).toISOString()).toBe('2069-06-01T00:00:00.000Z')
})

test('a TLS server answers with it', async () => {
  const { key, certificate } = selfSigned('blog')
  const server = createServer({ key, cert: certificate }, (socket) => socket.end('hello'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', ca: certificate, checkServerIdentity: () => undefined })
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toBe('hello')
  server.close()
})
