/**
 * A BuildKit session: the engine calls back over the connection of `POST /session`, as a gRPC client on HTTP/2. It asks
 * whether we are alive, for the files and the secrets of the build, and for registry credentials, of which there are none.
 */
import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { framed, syncFiles } from './file-sync.ts'
import { bytesField, fields, varintField } from './protobuf.ts'
import type { Tree } from './tree.ts'

export interface Session {
  readonly id: string
  /** The engine kills the steps of a build whose session is gone. */
  close(): void
}

type Secrets = Readonly<Record<string, string>>
type Answer = Buffer | { readonly status: number; readonly message: string }

const methods: Readonly<Record<string, (message: Buffer, secrets: Secrets) => Answer>> = {
  '/grpc.health.v1.Health/Check': () => varintField(1, 1),
  '/moby.buildkit.secrets.v1.Secrets/GetSecret': getSecret,
  '/moby.filesync.v1.Auth/Credentials': () => Buffer.alloc(0),
}
const fileSync = '/moby.filesync.v1.FileSync/DiffCopy'
const unimplemented = 12
const notFound = 5

export function openSession(socketPath: string, secrets: Secrets, tree: Tree): Promise<Session> {
  const id = randomBytes(16).toString('hex')
  const { promise, resolve, reject } = Promise.withResolvers<Session>()
  const upgrade = request({
    socketPath,
    path: '/session',
    method: 'POST',
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'h2c',
      'X-Docker-Expose-Session-Uuid': id,
      'X-Docker-Expose-Session-Name': 'megapolos',
      // Of its own: an engine compares a tree with the last one of the same key by sizes and times alone.
      'X-Docker-Expose-Session-Sharedkey': id,
      'X-Docker-Expose-Session-Grpc-Method': [...Object.keys(methods), fileSync],
    },
  })
  upgrade.on('error', reject)
  upgrade.on('response', (response) => {
    response.destroy()
    reject(new Error(`the engine opened no build session (HTTP ${response.statusCode})`))
  })
  upgrade.on('upgrade', (_, socket, head) => {
    if (head.length > 0) socket.unshift(head)
    const session = serve(socket, secrets, tree)
    resolve({
      id,
      close: () => {
        session.destroy()
        socket.destroy()
      },
    })
  })
  upgrade.end()
  return promise
}

function serve(socket: Duplex, secrets: Secrets, tree: Tree): ServerHttp2Session {
  const session = performServerHandshake(socket)
  // The end of the connection is told by the build request; here it would only be an unhandled event.
  session.on('error', () => {})
  socket.on('error', () => {})
  session.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    if (headers[':path'] === fileSync) return syncFiles(stream, headers, tree)
    const chunks: Buffer[] = []
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const method = methods[headers[':path'] ?? '']
      // Five bytes of gRPC framing stand before the message.
      const message = Buffer.concat(chunks).subarray(5)
      answer(stream, method ? method(message, secrets) : { status: unimplemented, message: 'not implemented' })
    })
  })
  return session
}

function answer(stream: ServerHttp2Stream, result: Answer): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc' }
  if (!Buffer.isBuffer(result)) {
    stream.respond({ ...headers, 'grpc-status': result.status, 'grpc-message': result.message }, { endStream: true })
    return
  }
  stream.respond(headers, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  stream.end(framed(result))
}

function getSecret(message: Buffer, secrets: Secrets): Answer {
  let name = ''
  for (const [number, value] of fields(message)) if (number === 1) name = String(value)
  const secret = Object.hasOwn(secrets, name) ? secrets[name] : undefined
  if (secret === undefined) return { status: notFound, message: `no secret ${name}` }
  return bytesField(1, Buffer.from(secret))
}
