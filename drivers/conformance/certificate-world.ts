/** What the promises of an issuer are proven with. */
import assert from 'node:assert/strict'
import { randomBytes, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import type { Issued } from '../../server/devices/classes/certificate.ts'
import type { CertificateUnderTest } from './certificate-under-test.ts'

export const never = new AbortController().signal

export function freshName(): string {
  return `${randomBytes(5).toString('hex')}.example.com`
}

export async function issued(it: CertificateUnderTest, names: readonly string[]): Promise<Issued> {
  return it.driver.issue(names, it.answers, () => {}, never)
}

/** Every certificate of a chain, the leaf first. */
export function certificatesOf(chain: string): X509Certificate[] {
  const blocks = chain.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

export function leafOf({ chain }: Issued): X509Certificate {
  const [leaf] = certificatesOf(chain)
  assert.ok(leaf, 'there is no certificate')
  return leaf
}

export function namesOf(issued: Issued): string[] {
  const names = leafOf(issued).subjectAltName ?? ''
  return names
    .split(', ')
    .map((name) => name.replace(/^DNS:/, ''))
    .sort()
}

/** A server that has it, and a client that trusts only this and asks for that name. */
export async function assertServes(issued: Issued, trust: string, name: string): Promise<void> {
  const server = createServer({ cert: issued.chain, key: issued.key }).listen(0, '127.0.0.1')
  server.on('tlsClientError', () => {})
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, servername: name, ca: trust, minVersion: 'TLSv1.2' })
  try {
    await once(socket, 'secureConnect')
  } catch (error) {
    assert.fail(`a client does not take it as ${name}: ${(error as Error).message}`)
  } finally {
    socket.destroy()
    server.close()
  }
}

/** Takes note of the proofs that can be seen; what is returned fails when there are others. */
export async function watched(it: CertificateUnderTest): Promise<() => Promise<void>> {
  const before = await it.proofs()
  return async () => {
    const left = (await it.proofs()).filter((proof) => !before.includes(proof))
    assert.deepEqual(left, [], 'a proof can still be seen')
  }
}

/** A part of a PEM that stands in no other one. */
export function heartOf(pem: string): string {
  const body = pem.split('\n').filter((line) => line !== '' && !line.startsWith('-----'))
  return body[1] ?? body[0] ?? pem
}

export async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`nothing happened in ${milliseconds} ms`)), milliseconds)
  return Promise.race([work, late.promise]).finally(() => clearTimeout(timer))
}
