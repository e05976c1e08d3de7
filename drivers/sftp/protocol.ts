/**
 * SFTP, version 3 (draft-ietf-secsh-filexfer-02) with OpenSSH's extensions, over the streams of `ssh -s`. Only what an
 * archive needs. Requests may be sent without waiting for the answers to earlier ones.
 */
import type { Process } from '../../server/devices/driver.ts'
import { long, mode, packet, packets, type Reader, reader } from './packets.ts'

export interface Sftp {
  /** The handle of the file. */
  open(path: string, how: 'read' | 'write'): Promise<Buffer>
  /** At most 32 KiB; null at the end of the file. */
  read(handle: Buffer, offset: number, length: number): Promise<Buffer | null>
  write(handle: Buffer, offset: number, bytes: Buffer): Promise<void>
  /** To the disk; does nothing where the server cannot. */
  sync(handle: Buffer): Promise<void>
  close(handle: Buffer): Promise<void>
  /** Names and attributes without `.` and `..`. */
  list(path: string): Promise<readonly { readonly name: string; readonly folder: boolean; readonly bytes: number }[]>
  size(path: string): Promise<number>
  makeFolder(path: string): Promise<void>
  /** In the place of whatever has that name. */
  rename(from: string, to: string): Promise<void>
  remove(path: string): Promise<void>
  /** Bytes that are free there; null where the server does not say. */
  free(path: string): Promise<number | null>
  /** Aborted when the connection is gone. */
  readonly gone: AbortSignal
}

/** What the server answers instead of what was wanted. */
export class SftpError extends Error {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const noSuchFile = 2
export const permissionDenied = 3

const endOfFile = 1

const send = { init: 1, open: 3, close: 4, read: 5, write: 6, opendir: 11, readdir: 12, remove: 13, mkdir: 14 } as const
const [stat, extended] = [17, 200]
const [version, status, handle, data, name, attributes, extendedReply] = [2, 101, 102, 103, 104, 105, 201]

export async function openSftp({ stdin, stdout }: Pick<Process, 'stdin' | 'stdout'>): Promise<Sftp> {
  const waiting = new Map<number, { resolve: (answer: Reader) => void; reject: (error: Error) => void }>()
  const greeting = Promise.withResolvers<Reader>()
  const gone = new AbortController()
  let last = 0
  let broken: Error | null = null

  const fail = (error: Error) => {
    broken ??= error
    gone.abort(broken)
    greeting.reject(broken)
    for (const { reject } of waiting.values()) reject(broken)
    waiting.clear()
  }
  const arrived = (packet: Buffer) => {
    const answer = reader(packet)
    if (answer.type === version) return greeting.resolve(answer)
    const id = answer.number()
    waiting.get(id)?.resolve(answer)
    waiting.delete(id)
  }
  stdin.on('error', () => fail(new Error('the connection is gone')))
  stdout.on('error', () => fail(new Error('the connection is gone')))
  stdout.on('close', () => fail(new Error('the connection is gone')))
  stdout.on('data', packets(arrived, fail))

  const ask = async (type: number, ...fields: readonly (Buffer | string | number)[]): Promise<Reader> => {
    if (broken) throw broken
    const id = ++last
    const answer = new Promise<Reader>((resolve, reject) => waiting.set(id, { resolve, reject }))
    stdin.write(packet(type, [id, ...fields]))
    return answer
  }
  /** Throws what the server said when the answer is of another type. */
  const want = async (type: number, asked: Promise<Reader>): Promise<Reader> => {
    const answer = await asked
    if (answer.type === type) return answer
    throw refusal(answer)
  }
  const done = async (asked: Promise<Reader>): Promise<void> => {
    const answer = await asked
    const error = refusal(answer)
    if (error.status !== 0) throw error
  }

  stdin.write(packet(send.init, [3]))
  const extensions = readExtensions(await greeting.promise)

  return {
    gone: gone.signal,
    open: async (path, how) => {
      const flags = how === 'read' ? 0x01 : 0x02 | 0x08 | 0x10
      return (await want(handle, ask(send.open, path, flags, ...mode(0o600)))).bytes()
    },
    read: async (file, offset, length) => {
      const answer = await ask(send.read, file, ...long(offset), length)
      if (answer.type === data) return answer.bytes()
      const error = refusal(answer)
      if (error.status === endOfFile) return null
      throw error
    },
    write: (file, offset, bytes) => done(ask(send.write, file, ...long(offset), bytes)),
    sync: async (file) => {
      if (extensions.has('fsync@openssh.com')) await done(ask(extended, 'fsync@openssh.com', file))
    },
    close: (file) => done(ask(send.close, file)),
    list: async (path) => {
      const folder = (await want(handle, ask(send.opendir, path))).bytes()
      const entries: Entry[] = []
      for (;;) {
        const answer = await ask(send.readdir, folder)
        if (answer.type === name) entries.push(...readEntries(answer))
        else if (refusal(answer).status === endOfFile) break
        else throw refusal(answer)
      }
      await done(ask(send.close, folder))
      return entries.filter((entry) => entry.name !== '.' && entry.name !== '..')
    },
    size: async (path) => readAttributes(await want(attributes, ask(stat, path))).bytes,
    makeFolder: (path) => done(ask(send.mkdir, path, ...mode(0o700))),
    rename: (from, to) => done(ask(extended, 'posix-rename@openssh.com', from, to)),
    remove: (path) => done(ask(send.remove, path)),
    free: async (path) => {
      if (!extensions.has('statvfs@openssh.com')) return null
      const answer = await want(extendedReply, ask(extended, 'statvfs@openssh.com', path))
      const [, fragment = 0, , , available = 0] = Array.from({ length: 5 }, () => answer.long())
      return fragment * available
    },
  }
}

interface Entry {
  readonly name: string
  readonly folder: boolean
  readonly bytes: number
}

function refusal(answer: Reader): SftpError {
  if (answer.type !== status) return new SftpError(-1, 'it answers something else')
  const code = answer.number()
  return new SftpError(code, answer.left > 0 ? answer.text() : `status ${code}`)
}

function readExtensions(greeting: Reader): Set<string> {
  const names = new Set<string>()
  for (greeting.number(); greeting.left > 0; greeting.text()) names.add(greeting.text())
  return names
}

function readEntries(answer: Reader): Entry[] {
  return Array.from({ length: answer.number() }, () => {
    const entry = answer.text()
    answer.text()
    return { name: entry, ...readAttributes(answer) }
  })
}

function readAttributes(answer: Reader): { folder: boolean; bytes: number } {
  const flags = answer.number()
  const bytes = flags & 0x01 ? answer.long() : 0
  if (flags & 0x02) answer.long()
  const permissions = flags & 0x04 ? answer.number() : 0
  if (flags & 0x08) answer.long()
  if (flags & 0x80000000) for (let n = answer.number() * 2; n > 0; n--) answer.text()
  return { bytes, folder: (permissions & 0o170000) === 0o040000 }
}
