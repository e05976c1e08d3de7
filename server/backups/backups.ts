/** Backups of the server: to a file in the data home, or straight to whoever asked. */
import { createReadStream, createWriteStream } from 'node:fs'
import { readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../errors.ts'
import { synced } from '../synced.ts'
import { decrypt, encrypt } from './age.ts'
import { archive, readArchive } from './archive.ts'
import { type Captured, type CapturePorts, capture } from './capture.ts'

export interface Saved extends Captured {
  readonly file: string
  readonly bytes: number
}

export interface Asked {
  readonly emit: (line: string) => void
  readonly signal: AbortSignal
}

export interface Backups {
  /** Encrypted, written beside, read back and compared; the name stands for a whole file or for none. */
  save(asked: Asked): Promise<Saved>
  /** The same bytes, for a caller who keeps them. */
  send(write: (bytes: Buffer) => Promise<void>, asked: Asked): Promise<void>
}

export function createBackups(ports: CapturePorts, key: Buffer): Backups {
  const folder = ports.paths.backups
  const passphrase = key.toString('base64')

  let last: Promise<unknown> = Promise.resolve()
  /** rqlite writes one copy at a time, and refuses a second. */
  function backup(path: string): Promise<void> {
    const mine = last.then(() => ports.store.backup(path))
    last = mine.catch(() => {})
    return mine
  }

  const drafts = new Set<string>()
  /** A kernel that died in the middle has left its draft. */
  async function removeLeftOvers(): Promise<void> {
    for (const name of await readdir(folder)) {
      if (name.endsWith('.part') && !drafts.has(name)) await rm(join(folder, name), { force: true })
    }
  }

  function begin({ emit }: Asked) {
    const captured: Captured = { apps: 0, warnings: [] }
    const parts = capture({ ...ports, store: { ...ports.store, backup } }, captured, emit)
    return { captured, bytes: encrypt(archive(parts), passphrase) }
  }

  return {
    async save(asked) {
      const name = `server-${new Date().toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')}.age`
      const draft = `${name}.part`
      const [path, file] = [join(folder, draft), join(folder, name)]
      if (drafts.has(draft)) throw new UserError('conflict', 'A backup of this second is being written.', 'Try again.')
      drafts.add(draft)
      try {
        await removeLeftOvers()
        const { captured, bytes } = begin(asked)
        await pipeline(bytes, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }), {
          signal: asked.signal,
        })
        asked.emit('-----> Reading it back')
        await readArchive(decrypt(createReadStream(path), passphrase), drain)
        const { size } = await stat(path)
        await rename(path, file)
        await synced(folder)
        return { ...captured, file, bytes: size }
      } catch (error) {
        await rm(path, { force: true })
        throw told(error)
      } finally {
        drafts.delete(draft)
      }
    },

    async send(write, asked) {
      try {
        for await (const some of begin(asked).bytes) await write(some)
      } catch (error) {
        throw told(error)
      }
    },
  }
}

async function drain(_name: string, content: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of content);
}

function told(error: unknown): unknown {
  const { code, errcode } = error as { code?: string; errcode?: number }
  if (code === 'ABORT_ERR') return new UserError('cancelled', 'The backup was cancelled; nothing of it was kept.')
  // The latter is SQLite's.
  if (code !== 'ENOSPC' && errcode !== 13) return error
  return new UserError(
    'unavailable',
    'The disk of the server is full: the backup could not be written.',
    'Make room, or let your own machine have it: ssh megapolos server:backup --stdout > server.age',
  )
}
