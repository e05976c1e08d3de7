/** Reads the headers of a tar while it passes by: what is in it and where. Names are only ever keys of a map. */
import type { SourceFile } from '../domain/source.ts'
import { UserError } from '../errors.ts'

export interface IndexedFile extends SourceFile {
  /** Where its content begins in the tar. */
  readonly offset: number
  /** Seconds since 1970. */
  readonly modified: number
  /** Where a symbolic link points; else empty. */
  readonly target: string
}

const block = 512
/** More would only be a way to fill the kernel's memory; the largest public repositories have fewer. */
const maxEntries = 300_000
/** Characters of all paths together; real trees have a hundred a file. */
const maxPaths = 64 * 1024 ** 2
/** What Linux can store, in bytes: a path, and one name in it. */
const longestPath = 4095
const longestName = 255
/** Long names and extended headers; real ones have a few hundred bytes. */
const maxExtra = 64 * 1024

export class TarIndex {
  readonly files = new Map<string, IndexedFile>()
  #position = 0
  /** Bytes of content and padding still to pass over. */
  #skip = 0
  /** The block, or the extended header, that is being collected. */
  #wanted = block
  #collected: Buffer[] = []
  #extra: string | null = null
  #extraSize = 0
  #long: { path?: string; size?: number; target?: string } = {}
  #paths = 0
  #ended = false

  push(chunk: Buffer): void {
    let at = 0
    while (at < chunk.length && !this.#ended) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at)
        this.#skip -= step
        this.#position += step
        at += step
        continue
      }
      const piece = chunk.subarray(at, at + this.#wanted)
      at += piece.length
      this.#position += piece.length
      this.#wanted -= piece.length
      this.#collected.push(piece)
      if (this.#wanted === 0) this.#take()
    }
  }

  /** Throws unless the tar came to its end mark: a cut transfer must not be built. */
  finish(): void {
    if (!this.#ended) throw broken('ends too early')
  }

  #take(): void {
    const data = this.#collected.length === 1 ? (this.#collected[0] as Buffer) : Buffer.concat(this.#collected)
    this.#collected = []
    this.#wanted = block
    if (this.#extra) this.#takeExtra(this.#extra, data.subarray(0, this.#extraSize))
    else this.#takeHeader(data)
  }

  #takeHeader(header: Buffer): void {
    if (header[0] === 0 && header.every((byte) => byte === 0)) {
      this.#ended = true
      return
    }
    if (!checksumFits(header)) throw broken('has a damaged header')
    const type = String.fromCharCode(header[156] || 48)
    const size = this.#long.size ?? readNumber(header.subarray(124, 136))
    if (!Number.isSafeInteger(size) || size < 0) throw broken('has a damaged header')
    if ('xgLK'.includes(type)) {
      if (size > maxExtra) throw broken('has an extended header that is too large')
      if (size === 0) return
      this.#extra = type
      this.#extraSize = size
      this.#wanted = padded(size)
      return
    }
    const path = this.#long.path ?? readName(header)
    const target = this.#long.target ?? cut(header.subarray(157, 257))
    this.#long = {}
    this.#add(path, type, {
      ...{ size, target: type === '2' ? target : '', offset: this.#position },
      ...{ executable: (readNumber(header.subarray(100, 108)) & 0o100) !== 0 },
      modified: readNumber(header.subarray(136, 148)),
    })
    this.#skip = padded(size)
  }

  /** Pax records (`x`) and GNU long names (`L`, and `K` of links) tell the real ones of the next entry; global ones are of no use here. */
  #takeExtra(type: string, data: Buffer): void {
    this.#extra = null
    if (type === 'L') this.#long.path = cut(data)
    if (type === 'K') this.#long.target = cut(data)
    if (type !== 'x') return
    for (const [key, value] of paxRecords(data)) {
      if (key === 'path') this.#long.path = value
      if (key === 'linkpath') this.#long.target = value
      if (key === 'size') this.#long.size = Number(value)
    }
  }

  #add(rawPath: string, type: string, entry: Omit<IndexedFile, 'kind'>): void {
    const path = rawPath.replace(/^(\.\/)+/, '').replace(/\/+$/, '')
    if (path === '' || path === '.') return
    this.#paths += path.length
    if (this.files.size >= maxEntries || this.#paths > maxPaths) {
      throw new UserError(
        'refused',
        this.files.size >= maxEntries
          ? `The pushed tree has more than ${maxEntries} files.`
          : `The paths of the pushed tree are longer than ${maxPaths / 1024 ** 2} MiB together.`,
        'Keep generated files out of the repository.',
      )
    }
    if (
      Buffer.byteLength(path) > longestPath ||
      path.split('/').some((name) => Buffer.byteLength(name) > longestName)
    ) {
      throw new UserError(
        'refused',
        `The pushed tree holds a path that Linux cannot store: ${JSON.stringify(path.slice(0, 80))}…`,
        `A name has at most ${longestName} bytes, a path ${longestPath}.`,
      )
    }
    if (path.startsWith('/') || path.includes('\0') || path.split('/').includes('..')) {
      throw new UserError('refused', `The pushed tree holds the path ${JSON.stringify(path)}, which leads out of it.`)
    }
    const kind = kinds[type]
    if (!kind) {
      throw new UserError(
        'refused',
        `${JSON.stringify(path)} in the pushed tree is neither a file, a folder nor a symbolic link.`,
        'Remove it: hard links and device files cannot be built from.',
      )
    }
    this.files.set(path, { ...entry, kind, executable: kind === 'file' && entry.executable })
  }
}

const kinds: Readonly<Record<string, SourceFile['kind']>> = {
  '0': 'file',
  '7': 'file',
  '2': 'symlink',
  '5': 'directory',
}

function broken(what: string): UserError {
  return new UserError('refused', `The source archive ${what}.`, 'Push again; if it stays, the transfer is being cut.')
}

function padded(size: number): number {
  return Math.ceil(size / block) * block
}

function checksumFits(header: Buffer): boolean {
  let sum = 8 * 32
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i] as number
  return sum === readNumber(header.subarray(148, 156))
}

function readName(header: Buffer): string {
  const name = cut(header.subarray(0, 100))
  const isUstar = header.toString('latin1', 257, 263) === 'ustar\0'
  const prefix = isUstar ? cut(header.subarray(345, 500)) : ''
  return prefix ? `${prefix}/${name}` : name
}

/** Octal text, or big-endian binary when the first bit is set (GNU, for sizes from 8 GiB). */
function readNumber(field: Buffer): number {
  if ((field[0] as number) & 0x80) {
    return field.reduce((value, byte, i) => (i === 0 ? byte & 0x7f : value * 256 + byte), 0)
  }
  const text = cut(field).trim()
  return /^[0-7]*$/.test(text) ? Number.parseInt(text || '0', 8) : Number.NaN
}

function cut(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

/** `length key=value\n`, where the length counts the whole record. */
function* paxRecords(data: Buffer): Generator<[string, string]> {
  let at = 0
  while (at < data.length) {
    const space = data.indexOf(32, at)
    const length = Number(data.toString('latin1', at, space))
    if (space < 0 || !Number.isInteger(length) || length <= space - at || at + length > data.length) {
      throw broken('has a damaged extended header')
    }
    const record = data.toString('utf8', space + 1, at + length - 1)
    const equals = record.indexOf('=')
    if (equals > 0) yield [record.slice(0, equals), record.slice(equals + 1)]
    at += length
  }
}
