/** Takes a pushed tree in: the tar goes to one file, and what is in it to an index, in the same pass. */
import { type FileHandle, open, rm } from 'node:fs/promises'
import { type IndexedFile, TarIndex } from '../devices/tar-index.ts'
import type { Source } from '../domain/source.ts'
import { UserError } from '../errors.ts'

const GiB = 1024 ** 3
const MiB = 1024 ** 2

/**
 * Writes the tar to `path` (0600, must not exist). Nothing is left there when it fails or is aborted. Nothing is ever
 * unpacked: names in the tar are only looked up in the index, so none of them can reach a file of this server.
 */
export async function spoolSource(
  stream: AsyncIterable<Buffer>,
  path: string,
  options: { readonly limit?: number; readonly signal?: AbortSignal } = {},
): Promise<Source> {
  const index = new TarIndex()
  const file = await open(path, 'wx', 0o600)
  try {
    await copy(stream, file, index, options)
    index.finish()
  } catch (error) {
    await rm(path, { force: true })
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') {
      throw new UserError('unavailable', 'The disk of the server is full: the pushed tree could not be stored.')
    }
    throw error
  } finally {
    await file.close()
  }
  return { path, files: index.files, read: (name, limit) => readText(path, name, index.files.get(name), limit) }
}

async function copy(
  stream: AsyncIterable<Buffer>,
  file: FileHandle,
  index: TarIndex,
  { limit = GiB, signal }: { readonly limit?: number; readonly signal?: AbortSignal },
): Promise<void> {
  let size = 0
  for await (const chunk of abortable(stream, signal)) {
    size += chunk.length
    if (size > limit) {
      throw new UserError(
        'refused',
        `The pushed tree is larger than ${sizeText(limit)}.`,
        'Keep large files out of the repository, for example in a volume.',
      )
    }
    index.push(chunk)
    await writeAll(file, chunk)
  }
}

async function writeAll(file: FileHandle, chunk: Buffer): Promise<void> {
  for (let at = 0; at < chunk.length; ) at += (await file.write(chunk, at)).bytesWritten
}

/** A source that has gone quiet must not outlive the push that it belongs to. */
async function* abortable(stream: AsyncIterable<Buffer>, signal?: AbortSignal): AsyncGenerator<Buffer> {
  if (!signal) return yield* stream
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  aborted.catch(() => {})
  const stop = () => reject(new UserError('cancelled', 'The push was cancelled.'))
  if (signal.aborted) stop()
  signal.addEventListener('abort', stop, { once: true })
  const reader = stream[Symbol.asyncIterator]()
  try {
    for (;;) {
      const next = await Promise.race([aborted, reader.next()])
      if (next.done) return
      yield next.value
    }
  } finally {
    signal.removeEventListener('abort', stop)
    // Not awaited: a reader that hangs would hold the refusal back.
    reader.return?.()?.catch(() => {})
  }
}

async function readText(
  path: string,
  name: string,
  entry: IndexedFile | undefined,
  limit = MiB,
): Promise<string | null> {
  if (!entry || entry.kind === 'directory') return null
  if (entry.kind === 'symlink') {
    throw new UserError('refused', `${name} is a symbolic link.`, `Commit ${name} as a plain file.`)
  }
  if (entry.size > limit) {
    throw new UserError('refused', `${name} is larger than ${sizeText(limit)}.`)
  }
  const file = await open(path, 'r')
  try {
    const content = Buffer.alloc(entry.size)
    const { bytesRead } = await file.read(content, 0, entry.size, entry.offset)
    // Decoding drops a byte order mark, which editors add and parsers stumble over.
    return new TextDecoder().decode(content.subarray(0, bytesRead))
  } finally {
    await file.close()
  }
}

function sizeText(bytes: number): string {
  if (bytes >= GiB) return `${Math.round((bytes / GiB) * 10) / 10} GiB`
  if (bytes >= MiB) return `${Math.round((bytes / MiB) * 10) / 10} MiB`
  return `${bytes} bytes`
}
