/** A driver's folder as a tar: as it is pushed, and as it lies in a backup of the server. */

import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { UserError } from '../errors.ts'
import { type DriverFile, mostBytes, mostFiles } from './driver-folder.ts'

/** In memory, which the limits of a driver allow: no name in the tar reaches the disk before it was looked at. */
export async function filesOf(tar: Readable): Promise<DriverFile[]> {
  const { extract } = await import('tar-stream')
  const unpacked = extract()
  // Not destroyed with it: the same connection carries the answer.
  tar.on('error', (error) => unpacked.destroy(error)).pipe(unpacked)
  const files: DriverFile[] = []
  let bytes = 0
  for await (const entry of unpacked) {
    const { name: written, type = 'file', size = 0, mode = 0 } = entry.header
    const path = written.replace(/^(\.\/)+/, '')
    if (type !== 'file' && type !== 'directory') {
      throw new UserError('refused', `${JSON.stringify(path)} is neither a file nor a folder.`)
    }
    bytes += size
    if (bytes > mostBytes) throw new UserError('refused', `A driver has at most ${mostBytes / 1024 ** 2} MiB.`)
    if (files.length >= mostFiles) throw new UserError('refused', `A driver has at most ${mostFiles} files.`)
    const chunks: Buffer[] = []
    for await (const chunk of entry) chunks.push(chunk as Buffer)
    if (type !== 'file' || isHidden(path)) continue
    if (!isInside(path)) throw new UserError('refused', `The path ${JSON.stringify(path)} leads out of the tree.`)
    files.push({ path, bytes: Buffer.concat(chunks), executable: (mode & 0o100) !== 0 })
  }
  return files
}

const isHidden = (path: string) => path.split('/').some((name) => name.startsWith('.') && name !== '..')
const isInside = (path: string) => !path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..')

export async function packDriver(files: readonly DriverFile[]): Promise<Buffer> {
  const { pack } = await import('tar-stream')
  const tar = pack()
  for (const { path, bytes, executable } of files) {
    tar.entry({ name: path, mode: executable ? 0o755 : 0o644 }, bytes)
  }
  tar.finalize()
  return buffer(tar as unknown as Readable)
}
