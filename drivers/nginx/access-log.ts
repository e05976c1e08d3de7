/**
 * Reads what nginx noted of requests: a JSON object a line, of all apps together. The newest are at the end, so it is read
 * from there, and no more of it is in memory than what is shown.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { AccessLine, AccessLogOptions } from '../../server/domain/access-line.ts'

export async function* readAccessLog(
  file: string,
  app: string,
  { num, follow, signal }: AccessLogOptions,
): AsyncGenerator<AccessLine> {
  let now = await begin(file)
  try {
    yield* await newest(now, `${file}.1`, app, num)
    while (follow && !signal.aborted) {
      yield* grown(now, app)
      await delay(pollEvery, undefined, { signal }).catch(() => {})
      // nginx goes on in a new file when this one is full, each of its workers a moment later than the first.
      const next = await successor(now, file)
      if (next === null) continue
      await delay(pollEvery, undefined, { signal }).catch(() => {})
      yield* grown(now, app)
      await now.handle?.close()
      now = next
    }
  } finally {
    await now.handle?.close()
  }
}

/** Where the lines that were read end, in a file that may not be there yet. */
interface Reader {
  readonly handle: FileHandle | null
  at: number
}

/** Milliseconds; nginx itself writes a second late. */
const pollEvery = 300
const chunkSize = 1024 * 1024
/** Characters of all that is shown together. */
const mostText = 16 * 1024 * 1024
const newline = 10

/** A line that is being written belongs to those that come. */
async function begin(file: string): Promise<Reader> {
  const handle = await openIfThere(file)
  if (handle === null) return { handle, at: 0 }
  const { size } = await handle.stat()
  const start = Math.max(0, size - chunkSize)
  const tail = Buffer.allocUnsafe(size - start)
  const { bytesRead } = await handle.read(tail, 0, size - start, start)
  return { handle, at: start + tail.subarray(0, bytesRead).lastIndexOf(newline) + 1 }
}

async function newest({ handle, at }: Reader, before: string, app: string, num: number): Promise<AccessLine[]> {
  const found: AccessLine[] = []
  if (handle) await collect(handle, at, app, num, found)
  if (found.length < num) {
    const older = await openIfThere(before)
    if (older) await collect(older, (await older.stat()).size, app, num, found).finally(() => older.close())
  }
  return found.reverse()
}

/** Adds lines of the app, newest first, until there are enough. */
async function collect(file: FileHandle, end: number, app: string, num: number, found: AccessLine[]): Promise<void> {
  const buffer = Buffer.allocUnsafe(chunkSize)
  let room = mostText
  let stop = end
  while (stop > 0 && found.length < num && room > 0) {
    const start = Math.max(0, stop - chunkSize)
    const { bytesRead } = await file.read(buffer, 0, stop - start, start)
    const chunk = buffer.subarray(0, bytesRead)
    // The line that the chunk begins in is read with the next one; one that is longer than a chunk is nobody's.
    const first = start === 0 ? 0 : chunk.indexOf(newline) + 1
    for (const line of chunk.subarray(first).toString().split('\n').reverse()) {
      if (found.length === num || room <= 0) return
      const own = parsed(line, app)
      if (own.length > 0) room -= line.length
      found.push(...own)
    }
    stop = first === 0 || first >= bytesRead ? start : start + first
  }
}

/** The whole lines that came since. */
async function* grown(reader: Reader, app: string): AsyncGenerator<AccessLine> {
  if (reader.handle === null) return
  const buffer = Buffer.allocUnsafe(chunkSize)
  for (;;) {
    const { bytesRead } = await reader.handle.read(buffer, 0, chunkSize, reader.at)
    const length = buffer.subarray(0, bytesRead).lastIndexOf(newline) + 1
    if (length === 0 && bytesRead < chunkSize) return
    reader.at += length || bytesRead
    for (const line of buffer.toString('utf8', 0, length).split('\n')) yield* parsed(line, app)
  }
}

/** The file that has the name now; null when it is the same. */
async function successor({ handle }: Reader, file: string): Promise<Reader | null> {
  const next = await openIfThere(file)
  if (next === null) return null
  if (handle === null) return { handle: next, at: 0 }
  const [was, is] = await Promise.all([handle.stat(), next.stat()])
  if (was.ino !== is.ino) return { handle: next, at: 0 }
  await next.close()
  return null
}

/** None or one: most lines are of other apps, and are told by a glance. */
function parsed(line: string, app: string): AccessLine[] {
  if (!line.includes(app)) return []
  try {
    const { app: whose, peer, believed, client = believed || peer, status, ...said } = JSON.parse(line)
    return whose === app ? [{ ...said, status: Number(status), client }] : []
  } catch {
    // Cut short when the disk was full, or the machine lost its power.
    return []
  }
}

function openIfThere(file: string): Promise<FileHandle | null> {
  return open(file, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}
