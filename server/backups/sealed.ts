/**
 * What lies in an archive: a file in the age format, and in it a tar. `age -d FILE | tar x && cat data/*` gives the
 * dump anywhere, without us.
 *
 *   about.json      whose it is, and which driver understands it
 *   data/00000001   the dump, in pieces, because a tar wants to know sizes beforehand
 *   contents.json   what was in it at the moment of the dump
 *   parts.json      of archive.ts: sizes and checksums of the others
 */
import { PassThrough, type Readable } from 'node:stream'
import { json } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import type { Contents, Dump } from '../devices/classes/database.ts'
import { backupKinds } from '../domain/backup.ts'
import { damaged, decrypt, encrypt } from './age.ts'
import { archive, type Part, readArchive } from './archive.ts'

const about = z.object({
  format: z.literal(1),
  id: z.string(),
  kind: z.enum(backupKinds),
  subject: z.string(),
  driver: z.string(),
  at: z.string(),
})
export type About = z.infer<typeof about>

const contents = z.object({
  tables: z.array(z.object({ name: z.string(), rows: z.number(), checksum: z.string() })),
  definitions: z.array(z.string()),
})

const pieceSize = 4 * 1024 * 1024

/** Ends well only when the dump did. */
export function seal(about: About, dump: Dump, key: string): AsyncGenerator<Buffer> {
  return encrypt(archive(parts(about, dump)), key)
}

/**
 * Reads such a file and hands the dump to `take`, which reads all of it; returns when both are content. Throws `usage`
 * when the file is not as it was written.
 */
export async function unseal(
  sealed: AsyncIterable<Buffer>,
  keys: readonly string[],
  take: (dump: Readable, about: About) => Promise<void>,
): Promise<{ readonly about: About; readonly contents: Contents }> {
  const dump = new PassThrough({ highWaterMark: 1024 * 1024 })
  // Whoever takes it hears of errors by itself, if there is anybody.
  dump.on('error', () => {})
  let first: { error: unknown } | null = null
  const failed = (error: unknown) => {
    first ??= { error }
    dump.destroy(error as Error)
  }
  const read: { about?: About; contents?: Contents; taking?: Promise<void> } = {}
  const reading = readArchive(decrypt(sealed, ...keys), async (name, bytes) => {
    if (name === 'about.json') {
      read.about = checked(about, await json(bytes))
      // Bytes that nobody wants any more must not hold up the others.
      read.taking = take(dump, read.about).then(() => void dump.resume(), failed)
    } else if (name === 'contents.json') read.contents = checked(contents, await json(bytes))
    else if (read.taking === undefined) throw damaged()
    else await pipeline(bytes, dump, { end: false })
  })
  await reading.then(() => dump.end(), failed)
  await read.taking
  if (first !== null) throw (first as { error: unknown }).error
  if (!read.about || !read.contents) throw damaged()
  return { about: read.about, contents: read.contents }
}

async function* parts(about: About, dump: Dump): AsyncGenerator<Part> {
  yield { name: 'about.json', bytes: Buffer.from(JSON.stringify(about)) }
  let number = 0
  for await (const bytes of pieces(dump.bytes)) {
    yield { name: `data/${String(++number).padStart(8, '0')}`, bytes }
  }
  yield { name: 'contents.json', bytes: Buffer.from(JSON.stringify(await dump.contents)) }
}

async function* pieces(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let length = 0
  for await (const bytes of source) {
    waiting.push(bytes)
    length += bytes.length
    if (length < pieceSize) continue
    yield Buffer.concat(waiting)
    waiting = []
    length = 0
  }
  if (length > 0) yield Buffer.concat(waiting)
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const read = schema.safeParse(value)
  if (!read.success) throw damaged()
  return read.data
}
