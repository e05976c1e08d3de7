/**
 * Shows a tree to the engine, which asks for the files that it wants (`moby.filesync.v1.FileSync/DiffCopy`). A tar in the
 * build request does the same, but an engine starts a program to unpack it, which takes longer than the whole rest.
 */
import { once } from 'node:events'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { bytesField, fields, varintField } from './protobuf.ts'
import type { Entry, Tree } from './tree.ts'

/** Kinds of packets; the one that lists a file is 0, which protobuf leaves out. */
const requested = 1
const data = 2
const finished = 3

export function syncFiles(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, tree: Tree): void {
  const entries = wanted(headers, tree)
  const send = async (packet: Buffer) => {
    if (!stream.write(framed(packet))) await once(stream, 'drain')
  }
  const sendContent = async (number: number) => {
    const entry = entries[number]
    if (!entry) throw new Error(`the engine asked for file ${number} of ${entries.length}`)
    const packet = (content: Buffer) => packetOf(data, varintField(3, number), bytesField(4, content))
    for await (const piece of tree.content(entry)) await send(packet(piece))
    await send(packet(Buffer.alloc(0)))
  }
  const sendList = async () => {
    for (const entry of entries) await send(bytesField(2, stat(entry)))
    await send(Buffer.alloc(0))
  }
  const serve = async () => {
    // One after another, but read all the time: an engine that cannot get its questions out takes no answers either.
    let sent = sendList()
    for await (const packet of packets(stream)) {
      const { kind, number } = readPacket(packet)
      if (kind === finished) break
      if (kind === requested) sent = sent.then(() => sendContent(number))
      sent.catch(fail)
    }
    await sent
    await send(packetOf(finished))
    stream.end()
  }
  const fail = (error: Error) => void stream.destroy(error)
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
  serve().catch(fail)
}

/** Some are asked for by themselves. What a .dockerignore says was done already: patterns that the engine sends are not read. */
function wanted(headers: IncomingHttpHeaders, { entries, dockerfile }: Tree): readonly Entry[] {
  if (headers['dir-name'] === 'dockerfile') return entries.filter(({ path }) => `${dockerfile}/`.startsWith(`${path}/`))
  if (headers.followpaths === '.dockerignore') return entries.filter(({ path }) => path === '.dockerignore')
  return entries
}

const folderBit = 2 ** 31
const linkBit = 2 ** 27

function stat({ path, kind, size, executable, modified, target }: Entry): Buffer {
  const mode = {
    file: executable ? 0o755 : 0o644,
    directory: folderBit + 0o755,
    symlink: linkBit + 0o777,
  }[kind]
  return Buffer.concat([
    bytesField(1, Buffer.from(path)),
    varintField(2, mode),
    varintField(5, kind === 'file' ? size : 0),
    varintField(6, BigInt(modified) * 1_000_000_000n),
    ...(kind === 'symlink' ? [bytesField(7, Buffer.from(target))] : []),
  ])
}

function packetOf(kind: number, ...more: Buffer[]): Buffer {
  return Buffer.concat([varintField(1, kind), ...more])
}

function readPacket(packet: Buffer): { kind: number; number: number } {
  let [kind, number] = [0, 0]
  for (const [field, value] of fields(packet)) {
    if (field === 1) kind = Number(value)
    if (field === 3) number = Number(value)
  }
  return { kind, number }
}

/** gRPC: five bytes stand before each message, the last four of which are its length. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt32BE(message.length, 1)
  return Buffer.concat([head, message])
}

async function* packets(stream: ServerHttp2Stream): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0)
  // Whoever has read the last one still has to answer it.
  for await (const piece of stream.iterator({ destroyOnReturn: false })) {
    rest = Buffer.concat([rest, piece])
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1)) {
      const end = 5 + rest.readUInt32BE(1)
      yield rest.subarray(5, end)
      rest = rest.subarray(end)
    }
  }
}
