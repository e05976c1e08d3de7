/** An archive in a directory. */
import { createWriteStream } from 'node:fs'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, isAbsolute, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type ArchiveDriver, assertArchiveName } from '../../server/devices/classes/archive.ts'
import { messageOf, UserError } from '../../server/errors.ts'
import { synced } from '../../server/synced.ts'

export function inDirectory(root: string): ArchiveDriver {
  /** Never made here: where a disk should be mounted, the folder below it would take the backups instead. */
  async function assertThere(): Promise<void> {
    if (!isAbsolute(root)) {
      throw new UserError('usage', 'An archive of this kind needs a directory, a disk or a volume.', 'path=/mnt/disk2')
    }
    const found = await stat(root).catch(() => null)
    if (!found?.isDirectory()) {
      throw new UserError('unavailable', `The directory ${root} is not there.`, 'Is its disk mounted?')
    }
  }

  /** Where a file lies, and where it lies until it is whole. */
  function placesOf(name: string) {
    assertArchiveName(name)
    const path = join(root, name)
    return { path, draft: draftOf(path) }
  }

  async function* walk(folder: string): AsyncGenerator<string> {
    const entries = await readdir(join(root, folder), { withFileTypes: true }).catch((error) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return []
      throw error
    })
    for (const entry of entries) {
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (entry.name.startsWith('.')) continue
      if (entry.isDirectory()) yield* walk(name)
      else if (entry.isFile()) yield name
    }
  }

  return {
    async check() {
      await assertThere()
      const probe = join(root, `.check-${process.pid}`)
      try {
        await (await open(probe, 'w', 0o600)).close()
      } catch (error) {
        throw told(error, root)
      } finally {
        await rm(probe, { force: true })
      }
    },
    async put(name, bytes, signal) {
      const { path, draft } = placesOf(name)
      try {
        await assertThere()
        await mkdir(dirname(path), { recursive: true, mode: 0o700 })
        await pipeline(bytes, createWriteStream(draft, { mode: 0o600, flush: true }), { signal })
        const { size } = await stat(draft)
        await rename(draft, path)
        await synced(dirname(path))
        return { bytes: size }
      } catch (error) {
        bytes.destroy()
        await rm(draft, { force: true }).catch(() => {})
        throw signal.aborted ? signal.reason : told(error, root)
      }
    },
    async get(name, signal) {
      const { path } = placesOf(name)
      await assertThere()
      const file = await open(path).catch((error) => {
        if (error.code !== 'ENOENT') throw told(error, root)
        throw new UserError('not-found', `${name} is not in ${root} any more.`)
      })
      return file.createReadStream({ signal })
    },
    async list(prefix) {
      await assertThere()
      const names = await Array.fromAsync(walk(''))
      const found = names.filter((name) => name.startsWith(prefix)).sort()
      return Promise.all(found.map(async (name) => ({ name, bytes: (await stat(join(root, name))).size })))
    },
    async delete(name) {
      const { path, draft } = placesOf(name)
      await assertThere()
      await Promise.all([path, draft].map((one) => rm(one, { force: true }))).catch((error) => {
        throw told(error, root)
      })
    },
  }
}

function draftOf(path: string): string {
  const at = path.lastIndexOf('/') + 1
  return `${path.slice(0, at)}.${path.slice(at)}.part`
}

/** What the file system said, for people. Whatever else was thrown comes from the bytes, and stays as it is. */
function told(error: unknown, root: string): unknown {
  const { code, syscall } = error as NodeJS.ErrnoException
  if (syscall === undefined || error instanceof UserError) return error
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new UserError('unavailable', `The disk of ${root} is full.`, 'Make room there, and run this again.')
  }
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new UserError('unavailable', `${root} cannot be written (${code}).`, 'Is it mounted read-only?')
  }
  return new UserError('unavailable', `${root} does not do its part: ${messageOf(error)}.`)
}
