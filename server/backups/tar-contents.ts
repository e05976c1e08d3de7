/** What is in a tar, read while it passes: so the list is of the very bytes that are kept. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Header } from 'tar-stream'
import type { Contents, Dump, TableContents } from '../devices/classes/database.ts'

/** Files as tables: their bytes are the rows. Owners, modes, folders and links are definitions. */
export function listFiles(tar: Readable, whole: Promise<void>, signal: AbortSignal): Dump {
  const bytes = new PassThrough()
  const parser = extract()
  const input = parser as unknown as NodeJS.WritableStream
  // Each piece goes to both, and the slower of them sets the pace.
  async function* watched(): AsyncGenerator<Buffer> {
    for await (const some of tar as AsyncIterable<Buffer>) {
      if (!input.write(some)) await once(input, 'drain', { signal })
      yield some
    }
    await whole
    input.end()
  }
  const passing = pipeline(watched(), bytes, { signal })
  const listing = list(parser)
  // Heard where they are waited for.
  whole.catch(() => {})
  passing.catch((error) => parser.destroy(error))
  listing.catch((error) => bytes.destroy(error))
  return { bytes, contents: Promise.all([listing, passing]).then(([contents]) => contents) }
}

async function list(parser: ReturnType<typeof extract>): Promise<Contents> {
  const tables: TableContents[] = []
  const definitions: string[] = []
  for await (const entry of parser) {
    const { header } = entry
    const hash = createHash('sha256')
    let size = 0
    for await (const bytes of entry) {
      hash.update(bytes as Buffer)
      size += (bytes as Buffer).length
    }
    const name = header.name.replace(/^\.\//, '').replace(/\/$/, '')
    definitions.push(definition(name || '.', header))
    if (header.type === 'file') tables.push({ name, rows: size, checksum: hash.digest('hex') })
  }
  return { tables: tables.sort((a, b) => (a.name < b.name ? -1 : 1)), definitions: definitions.sort() }
}

function definition(name: string, { type, mode = 0, uid, gid, linkname, mtime }: Header): string {
  const owner = `${(mode & 0o7777).toString(8)} ${uid}:${gid}`
  if (type === 'symlink' || type === 'link') return `${type} ${JSON.stringify(name)} -> ${JSON.stringify(linkname)}`
  return `${type} ${JSON.stringify(name)} ${owner}${type === 'file' ? ` ${mtime?.toISOString()}` : ''}`
}
