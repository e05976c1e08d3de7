/** Certificates that sign themselves, and clients that look at what they are shown. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect, type TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import type { PartId, Parts } from '../../server/domain/route.ts'

const run = promisify(execFile)

export interface Certificate {
  readonly id: PartId
  /** Chain and key, as a table points to them. */
  readonly text: string
  readonly chain: string
}

export async function makeCertificate(...names: readonly string[]): Promise<Certificate> {
  const folder = await mkdtemp(join(tmpdir(), 'certificate-'))
  const [key, chain] = [join(folder, 'key'), join(folder, 'chain')]
  try {
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
    const subject = ['-subj', '/CN=test', '-addext', `subjectAltName=${names.map((name) => `DNS:${name}`).join()}`]
    await run('openssl', ['req', '-x509', ...kind, ...subject, '-days', '30', '-keyout', key, '-out', chain])
    const [leaf, secret] = await Promise.all([readFile(chain, 'utf8'), readFile(key, 'utf8')])
    return { ...partOf(leaf + secret), chain: leaf }
  } finally {
    await rm(folder, { recursive: true })
  }
}

export function partOf(content: string): { readonly id: PartId; readonly text: string } {
  return { id: createHash('sha256').update(content).digest('hex').slice(0, 32), text: content }
}

/** Knows these, and which it was asked for. */
export function partsOf(...known: readonly { readonly id: PartId; readonly text: string }[]) {
  const asked: PartId[] = []
  const parts: Parts = async (id) => {
    asked.push(id)
    const part = known.find((one) => one.id === id)
    if (part === undefined) throw new Error(`nobody knows ${id}`)
    return part.text
  }
  return { parts, asked }
}

/** Connected once the handshake is done; rejects when there is none. The certificate must be this one. */
export function openTls(port: number, name: string, { chain }: { chain: string }, protocol = 'http/1.1') {
  return new Promise<TLSSocket>((resolve, reject) => {
    const asked = { host: '127.0.0.1', port, servername: name, ca: chain, ALPNProtocols: [protocol] }
    const socket = connect(asked, () => resolve(socket))
    socket.on('error', reject)
  })
}

export interface Http2Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export interface Http2Client {
  get(host: string, path?: string): Promise<Http2Answer>
  /** Without saying how long the body is. */
  send(method: string, host: string, path: string, body: Buffer): Promise<Http2Answer>
  close(): void
}

/** All its requests are on one connection. */
export function openHttp2(port: number, name: string, { chain }: { chain: string }): Http2Client {
  const client = connectHttp2(`https://127.0.0.1:${port}`, { servername: name, ca: chain })
  // Each request says what went wrong for itself.
  client.on('error', () => {})
  const ask = async (method: string, host: string, path: string, body?: Buffer): Promise<Http2Answer> => {
    const asked = { ':method': method, ':path': path, ':authority': host }
    const stream = client.request(asked, { endStream: body === undefined })
    const answered = new Promise<IncomingHttpHeaders & { ':status'?: number }>((resolve, reject) => {
      stream.on('response', resolve).on('error', reject)
      stream.on('close', () => reject(new Error('the stream was closed without an answer')))
    })
    if (body !== undefined) stream.end(body)
    const headers = await answered
    return { status: headers[':status'] ?? 0, headers, body: await text(stream) }
  }
  return { get: (host, path = '/') => ask('GET', host, path), send: ask, close: () => client.close() }
}
