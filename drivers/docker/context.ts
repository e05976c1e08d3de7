/** The build context as a tar stream: files that were added, then the pushed tree. Never more than a chunk in memory. */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import type { Extract, Pack } from 'tar-stream'

export interface Context {
  readonly source: string
  readonly files: Readonly<Record<string, string>>
  /** Lines of a .dockerignore. */
  readonly ignore: readonly string[]
}

/** Two blocks of zeros end a tar. */
const endMark = 1024

export async function* contextStream(context: Context): AsyncGenerator<Buffer> {
  if (context.ignore.length > 0) yield* filtered(context)
  else {
    yield* await added(context.files)
    yield* createReadStream(context.source)
  }
}

async function added(files: Context['files']): Promise<Buffer[]> {
  if (Object.keys(files).length === 0) return []
  const { pack } = await import('tar-stream')
  const out = pack()
  addFiles(out, files)
  out.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of out as AsyncIterable<Buffer>) chunks.push(chunk)
  const tar = Buffer.concat(chunks)
  return [tar.subarray(0, tar.length - endMark)]
}

/** Packs the tree anew without what is ignored. */
async function* filtered(context: Context): AsyncGenerator<Buffer> {
  const [{ extract, pack }, { default: dockerignore }] = await Promise.all([
    import('tar-stream'),
    import('@balena/dockerignore'),
  ])
  const rules = dockerignore.default({ ignorecase: false }).add([...context.ignore])
  const out = pack()
  const entries = extract()
  const input = createReadStream(context.source)
  const reading = pipeline(input, entries)
  const packing = repack(context, entries, out, (name) => rules.ignores(name))
  // Whichever fails is told to the one who reads from `out`.
  Promise.all([reading, packing]).catch((error) => out.destroy(error))
  try {
    yield* out as AsyncIterable<Buffer>
  } finally {
    input.destroy()
  }
}

async function repack(
  context: Context,
  entries: Extract,
  out: Pack,
  ignored: (name: string) => boolean,
): Promise<void> {
  addFiles(out, context.files)
  for await (const entry of entries) {
    const name = entry.header.name.replace(/^(\.\/)+/, '').replace(/\/$/, '')
    if (name === '' || Object.hasOwn(context.files, name) || ignored(name)) entry.resume()
    else await pipeline(entry, out.entry({ ...entry.header, name }))
  }
  out.finalize()
}

function addFiles(out: Pack, files: Context['files']): void {
  // A fixed time: an added file must not look changed at every build.
  for (const [name, text] of Object.entries(files)) out.entry({ name, mtime: new Date(0), mode: 0o644 }, text)
}
