/**
 * Reads the table of contents at the head of a dump in the custom format, while it goes by: of sequences only that tells
 * which values the dump has. pg_dump does not see them as they were in its snapshot, because nextval is never undone.
 */

export interface TocReader {
  take(chunk: Buffer): void
  /** `schema.name` → last value, and whether it was given out. Throws when the head was not whole, or has an unknown form. */
  sequences(): ReadonlyMap<string, string>
}

export function createTocReader(): TocReader {
  let chunks: Buffer[] = []
  let length = 0
  let tryAt = 0
  let found: ReadonlyMap<string, string> | null = null
  const read = () => {
    found = readToc(Buffer.concat(chunks, length))
    chunks = []
  }
  return {
    take(chunk) {
      if (found !== null) return
      chunks.push(chunk)
      length += chunk.length
      if (length < tryAt) return
      try {
        read()
      } catch (error) {
        if (!(error instanceof RangeError)) throw error
        tryAt = 2 * length
      }
    },
    sequences() {
      if (found === null) read()
      return found as unknown as ReadonlyMap<string, string>
    },
  }
}

/** Format versions that are known to look like this: PostgreSQL 12 to 18. */
const versions = [14, 15, 16]

function readToc(bytes: Buffer): ReadonlyMap<string, string> {
  const reader = createReader(bytes)
  if (reader.plain(5) !== 'PGDMP') throw new Error('pg_dump wrote no dump')
  const [major, minor] = [reader.byte(), reader.byte()]
  if (major !== 1 || !versions.includes(minor)) throw new Error(`pg_dump wrote the unknown format ${major}.${minor}`)
  reader.byte()
  reader.sizes(reader.byte(), reader.byte())
  reader.byte()
  // Compression: a level, later the number of an algorithm; seven parts of the time; three names.
  if (minor >= 15) reader.byte()
  else reader.int()
  for (let part = 0; part < 7; part++) reader.int()
  for (let part = 0; part < 3; part++) reader.text()

  const found = new Map<string, string>()
  for (let left = reader.int(); left > 0; left--) {
    const entry = readEntry(reader, minor)
    const [, value, used] = /setval\(.*, (-?\d+), (true|false)\)/s.exec(entry.definition) ?? []
    if (entry.kind !== 'SEQUENCE SET' || value === undefined) continue
    found.set(`${entry.schema}.${entry.tag}`, sequenceValue(value, used === 'true'))
  }
  return found
}

export function sequenceValue(value: string, used: boolean): string {
  return used ? `after ${value}` : `before ${value}`
}

function readEntry(reader: Reader, minor: number) {
  reader.int()
  reader.int()
  reader.text()
  reader.text()
  const [tag, kind] = [reader.text(), reader.text()]
  reader.int()
  const definition = reader.text() ?? ''
  // The statements for dropping and copying.
  reader.text()
  reader.text()
  const schema = reader.text()
  // Table space, access method, kind of relation, owner, and whether it has OIDs.
  reader.text()
  reader.text()
  if (minor >= 16) reader.int()
  reader.text()
  reader.text()
  while (reader.text() !== null);
  reader.offset()
  return { tag, kind, definition, schema }
}

type Reader = ReturnType<typeof createReader>

/** Reading past the end throws a RangeError. */
function createReader(bytes: Buffer) {
  let at = 0
  let intSize = 4
  let offsetSize = 8
  const skip = (count: number) => {
    if (at + count > bytes.length) throw new RangeError('the head is not whole')
    at += count
    return at - count
  }
  const byte = () => bytes.readUInt8(skip(1))
  const int = () => {
    const negative = byte() === 1
    const value = bytes.readUIntLE(skip(intSize), intSize)
    return negative ? -value : value
  }
  const plain = (count: number) => {
    const start = skip(count)
    return bytes.toString('utf8', start, start + count)
  }
  return {
    byte,
    int,
    plain,
    /** Null is written as a length of -1. */
    text: () => {
      const count = int()
      return count < 0 ? null : plain(count)
    },
    offset: () => skip(1 + offsetSize),
    sizes: (ofInt: number, ofOffset: number) => {
      intSize = ofInt
      offsetSize = ofOffset
    },
  }
}
