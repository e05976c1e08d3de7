import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer } from 'node:tls'
import { expect, test } from 'vitest'
import { selfSigned } from './certificate.ts'

test('the certificate is its own issuer, its signature holds, and it has all names', async () => {
  const { certificate } = await selfSigned(['blog', '10.0.0.1', 'fd00::1'], 30)
  const read = new X509Certificate(certificate)
  expect(read.subject).toBe('CN=blog')
  expect(read.verify(read.publicKey)).toBe(true)
  expect(read.subjectAltName).toBe('DNS:blog, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1')
  expect(read.ca).toBe(false)
})

test('it is valid over the end of the two-digit years', async () => {
  const { certificate } = await selfSigned(['blog'], 10_000, Date.parse('2049-06-01T00:00:00Z'))
  expect(new Date(new X509Certificate(certificate).validTo).toISOString()).toBe('2076-10-17T00:00:00.000Z')
})

test('a name that is too long for a subject is no problem', async () => {
  const long = `${'a'.repeat(63)}.example.com`
  const read = new X509Certificate((await selfSigned([long], 30)).certificate)
  expect([read.subject, read.subjectAltName]).toEqual(['CN=self-signed', `DNS:${long}`])
})

test('a TLS server answers with it', async () => {
  const { key, certificate } = await selfSigned(['blog'], 30)
  const server = createServer({ key, cert: certificate }, (socket) => socket.end('hello'))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as { port: number }
  const socket = connect({ port, host: '127.0.0.1', ca: certificate, servername: 'blog' })
  const [answer] = await once(socket, 'data')
  expect(String(answer)).toBe('hello')
  server.close()
})
