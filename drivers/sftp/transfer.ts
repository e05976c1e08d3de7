/** Whole files over a line with a delay: many pieces are on their way at a time, in both directions. */
import { addAbortSignal, type Readable } from 'node:stream'
import type { Sftp } from './protocol.ts'

const piece = 32 * 1024
/** Pieces on their way: 2 MiB, enough for 200 Mbit/s at 80 ms. */
const window = 64

/** Writes all of it and sees to it that it is on the disk; returns how many bytes there were. */
export async function upload(sftp: Sftp, path: string, bytes: Readable, signal: AbortSignal): Promise<number> {
  // A source that has nothing to say for now does not hear that nobody listens any more.
  addAbortSignal(AbortSignal.any([signal, sftp.gone]), bytes)
  const file = await sftp.open(path, 'write')
  const going = new Set<Promise<void>>()
  let broken: unknown
  let offset = 0
  for await (const some of bytes) {
    for (let at = 0; at < some.length; at += piece) {
      const part = some.subarray(at, at + piece)
      const written = sftp.write(file, offset, part).catch((error) => (broken ??= error))
      const one = written.then(() => void going.delete(one))
      going.add(one)
      offset += part.length
      if (going.size >= window) await Promise.race(going)
      if (broken) throw broken
    }
  }
  await Promise.all(going)
  if (broken) throw broken
  await sftp.sync(file)
  await sftp.close(file)
  return offset
}

export async function* download(sftp: Sftp, path: string): AsyncGenerator<Buffer> {
  const file = await sftp.open(path, 'read')
  const asked: Promise<Buffer>[] = []
  for (let offset = 0; ; ) {
    while (asked.length < window) {
      const next = readPiece(sftp, file, offset)
      // Whoever stops reading leaves some of them unheard.
      next.catch(() => {})
      asked.push(next)
      offset += piece
    }
    const bytes = await (asked.shift() as Promise<Buffer>)
    yield bytes
    if (bytes.length < piece) break
  }
  await Promise.allSettled(asked)
  await sftp.close(file)
}

/** Servers may answer with less than was asked for; only at the end of the file this does. */
async function readPiece(sftp: Sftp, file: Buffer, offset: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let have = 0; have < piece; ) {
    const part = await sftp.read(file, offset + have, piece - have)
    if (part === null) break
    parts.push(part)
    have += part.length
  }
  return Buffer.concat(parts)
}
