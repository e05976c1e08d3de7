/** What is inside of a backup: files in a tar, and last a list of them with their checksums. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { extract, type Pack, pack } from 'tar-stream'
import { damaged } from './age.ts'

/** Its content is at hand, or in a file that nobody changes meanwhile. */
export type Part = { readonly name: string } & ({ readonly path: string } | { readonly bytes: Buffer })

interface Sum {
  readonly name: string
  readonly size: number
  readonly sha256: string
}

const listName = 'parts.json'

/** A part is asked for when the one before it has been read: it may be made, and removed, just then. */
export async function* archive(parts: AsyncIterable<Part>): AsyncGenerator<Buffer> {
  const tar = pack()
  const filled = fill(tar, parts).catch((error) => tar.destroy(error))
  try {
    yield* tar as AsyncIterable<Buffer>
  } finally {
    // Whoever stops reading waits until the part that is being made is gone again.
    tar.destroy()
    await filled
  }
}

/** Hands each part to `take`, which reads all of it. Resolves when everything was there, as it was written. */
export async function readArchive(
  bytes: AsyncIterable<Buffer>,
  take: (name: string, content: AsyncIterable<Buffer>) => Promise<void>,
): Promise<void> {
  const tar = extract()
  const feeding = pipeline(Readable.from(bytes, { objectMode: false }), tar as unknown as NodeJS.WritableStream)
  feeding.catch(() => {})
  const found: Sum[] = []
  let listed: unknown = null
  for await (const entry of tar) {
    const { name } = entry.header
    if (name === listName) listed = await json(entry as unknown as NodeJS.ReadableStream)
    else {
      const sum = summing(name, entry as unknown as AsyncIterable<Buffer>)
      await take(name, sum.content)
      found.push(sum.result())
    }
  }
  await feeding
  if (JSON.stringify(listed) !== JSON.stringify(found)) throw damaged()
}

async function fill(tar: Pack, parts: AsyncIterable<Part>): Promise<void> {
  const sums: Sum[] = []
  for await (const part of parts) {
    const { name } = part
    const size = 'bytes' in part ? part.bytes.length : (await stat(part.path)).size
    const sum = summing(name, 'bytes' in part ? Readable.from([part.bytes]) : createReadStream(part.path))
    await pipeline(sum.content, tar.entry({ name, size, mode: 0o600 }) as unknown as NodeJS.WritableStream)
    sums.push(sum.result())
  }
  tar.entry({ name: listName, mode: 0o600 }, JSON.stringify(sums))
  tar.finalize()
}

/** The same bytes, counted and summed on their way. */
function summing(name: string, source: AsyncIterable<Buffer>) {
  const hash = createHash('sha256')
  let size = 0
  return {
    content: (async function* () {
      for await (const bytes of source) {
        hash.update(bytes)
        size += bytes.length
        yield bytes
      }
    })(),
    result: (): Sum => ({ name, size, sha256: hash.digest('hex') }),
  }
}
