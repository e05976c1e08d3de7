/** What the engine may see of a source: the pushed tree without what is ignored, and the files that were added. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { BuildRequest } from '../../server/devices/classes/builder.ts'
import { type IndexedFile, TarIndex } from '../../server/devices/tar-index.ts'
import { ignoredNames } from './ignored.ts'

export interface Tree extends AsyncDisposable {
  /** In the order that the engine demands: a folder before what is in it, and that before the folder's next neighbour. */
  readonly entries: readonly Entry[]
  readonly dockerfile: string
  /** At most a chunk of it is ever in memory. */
  content(entry: Entry): AsyncIterable<Buffer>
}

export interface Entry extends Pick<IndexedFile, 'kind' | 'size' | 'executable' | 'modified' | 'target'> {
  readonly path: string
  /** Where its content is: a text that was added, or a place in the tar. */
  readonly content: Buffer | number
}

const chunk = 32 * 1024

export async function openTree({ source, dockerfile, files, ignore }: Source): Promise<Tree> {
  const index = await indexed(source)
  const ignored = await ignoredNames([...index.keys()], ignore)
  const found = new Map<string, Entry>()
  for (const [path, file] of index) if (!ignored.has(path)) put(found, { ...file, path, content: file.offset })
  for (const [path, text] of Object.entries(files)) put(found, added(path, Buffer.from(text)))
  const tar = await open(source, 'r')
  return {
    entries: sorted([...found.values()]),
    dockerfile,
    content: ({ content, size }) => (typeof content === 'number' ? read(tar, content, size) : pieces(content)),
    [Symbol.asyncDispose]: () => tar.close(),
  }
}

type Source = Pick<BuildRequest, 'source' | 'dockerfile' | 'files' | 'ignore'>

async function indexed(source: string): Promise<ReadonlyMap<string, IndexedFile>> {
  const index = new TarIndex()
  for await (const bytes of createReadStream(source)) index.push(bytes as Buffer)
  return index.files
}

/** With the folders that it lies in: a tar need not name them, and an ignored one may hold what is not ignored. */
function put(found: Map<string, Entry>, entry: Entry): void {
  const parts = entry.path.split('/')
  for (let depth = 1; depth < parts.length; depth++) {
    const path = parts.slice(0, depth).join('/')
    if (found.get(path)?.kind !== 'directory') found.set(path, { ...added(path, Buffer.alloc(0)), kind: 'directory' })
  }
  found.set(entry.path, entry)
}

/** A fixed time: an added file must not look changed at every build. */
function added(path: string, content: Buffer): Entry {
  return { path, kind: 'file', size: content.length, executable: false, modified: 0, target: '', content }
}

function sorted(entries: readonly Entry[]): Entry[] {
  // As bytes, with the slash before every other: `a/b` comes before `a-b`.
  const keyed = entries.map((entry) => ({ entry, key: Buffer.from(entry.path.replaceAll('/', '\0')) }))
  return keyed.sort((a, b) => Buffer.compare(a.key, b.key)).map(({ entry }) => entry)
}

async function* read(tar: FileHandle, offset: number, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < size; ) {
    const length = Math.min(chunk, size - at)
    const { bytesRead, buffer } = await tar.read(Buffer.alloc(length), 0, length, offset + at)
    if (bytesRead === 0) throw new Error('the source ends too early')
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

async function* pieces(content: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < content.length; at += chunk) yield content.subarray(at, at + chunk)
}
