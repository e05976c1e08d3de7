/** Backups of the server: to a file in the data home, or straight to whoever asked. */
import { createReadStream, createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { UserError } from '../errors.ts'
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
  const { backups: folder, spool } = ports.paths
  const passphrase = key.toString('base64')

  let last: Promise<unknown> = Promise.resolve()
  /** rqlite writes one copy at a time, and refuses a second. */
  function backup(path: string): Promise<void> {
    const mine = last.then(() => ports.store.backup(path))
    last = mine.catch(() => {})
    return mine
  }

  function begin({ emit }: Asked) {
    const captured: Captured = { apps: 0, warnings: [] }
    const parts = capture({ ...ports, store: { ...ports.store, backup } }, captured, emit)
    return { captured, bytes: encrypt(archive(parts), passphrase) }
  }

  return {
    async save(asked) {
      const name = `server-${new Date().toISOString().slice(0, 19).replace('T', '-').replaceAll(':', '')}.age`
      // In the spool a file that a dead kernel has left is removed.
      const draft = join(spool, name)
      const { captured, bytes } = begin(asked)
      try {
        await pipeline(bytes, createWriteStream(draft, { flags: 'wx', mode: 0o600, flush: true }), {
          signal: asked.signal,
        })
        asked.emit('-----> Reading it back')
        await readArchive(decrypt(createReadStream(draft), passphrase), drain)
        const { size } = await stat(draft)
        await rename(draft, join(folder, name))
        await synced(folder)
        return { ...captured, file: join(folder, name), bytes: size }
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') await rm(draft, { force: true })
        throw told(error)
      }
    },

    async send(write, asked) {
      for await (const some of begin(asked).bytes) await write(some)
    },
  }
}

async function drain(_name: string, content: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of content);
}

/** A name is only safe from a power cut when its folder is. */
async function synced(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

function told(error: unknown): unknown {
  switch (codeOf(error)) {
    case 'ABORT_ERR':
      return new UserError('cancelled', 'The backup was cancelled; nothing of it was kept.')
    case 'ENOSPC':
      return new UserError(
        'unavailable',
        'The disk of the server is full: the backup could not be written.',
        'Make room, or take it with: ssh megapolos server:backup --stdout > server.age',
      )
    case 'EEXIST':
      return new UserError('conflict', 'A backup of this second is being written.', 'Try again.')
    default:
      return error
  }
}
