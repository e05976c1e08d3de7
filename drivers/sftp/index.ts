/** An archive on another machine: any account that may use SFTP, without a shell if need be. */
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { type ArchiveDriver, assertArchiveName } from '../../server/devices/classes/archive.ts'
import { UserError } from '../../server/errors.ts'
import { noSuchFile, permissionDenied, type Sftp, SftpError } from './protocol.ts'
import { type Connection, connect, type Host } from './ssh.ts'
import { download, upload } from './transfer.ts'

/** Milliseconds that a cancelled backup waits for its draft to be removed. */
const patience = 5_000

export function createDriver(host: Host): ArchiveDriver {
  const root = String(host.settings.path ?? 'megapolos')
  const machine = String(host.settings.host)

  /** What breaks within is told as what the connection or the server says of it. A cancelled one still tidies up. */
  async function connected<T>(
    signal: AbortSignal | null,
    work: (sftp: Sftp) => Promise<T>,
    how = { pin: false },
  ): Promise<T> {
    const connection = await connect(host, null, how.pin)
    try {
      return await work(connection.sftp)
    } catch (error) {
      throw await told(error, connection, signal)
    } finally {
      await connection.close()
    }
  }

  async function told(error: unknown, { sftp, why }: Connection, signal: AbortSignal | null): Promise<unknown> {
    if (signal?.aborted) return signal.reason
    if (error instanceof SftpError) {
      if (error.status === permissionDenied) {
        const hint = 'It must belong to the user that the archive was adopted with.'
        return new UserError('unavailable', `${machine} does not allow to write in ${root}.`, hint)
      }
      // The protocol has no word for a full disk.
      if ((await sftp.free(root).catch(() => null)) === 0) {
        return new UserError('unavailable', `The disk of ${machine} is full.`, 'Make room there, and run this again.')
      }
      return new UserError('unavailable', `${machine} refuses: ${error.message}.`)
    }
    return sftp.gone.aborted ? why() : error
  }

  return {
    check: () =>
      connected(
        null,
        async (sftp) => {
          await makeFolders(sftp, `${root}/x`)
          const probe = `${root}/.check`
          await sftp.close(await sftp.open(probe, 'write'))
          await sftp.remove(probe)
        },
        { pin: true },
      ),
    put: async (name, bytes, signal) => {
      const [path, draft] = placesOf(root, name)
      try {
        return await connected(signal, async (sftp) => {
          await makeFolders(sftp, path)
          try {
            const written = await upload(sftp, draft, bytes, signal)
            if ((await sftp.size(draft)) !== written) throw new SftpError(-1, 'it kept another number of bytes')
            await sftp.rename(draft, path)
            return { bytes: written }
          } catch (error) {
            await Promise.race([sftp.remove(draft).catch(() => {}), pause(patience, undefined, { ref: false })])
            throw error
          }
        })
      } finally {
        bytes.destroy()
      }
    },
    get: async (name, signal) => {
      const [path] = placesOf(root, name)
      const connection = await connect(host, signal)
      try {
        await connection.sftp.size(path)
      } catch (error) {
        const reason = await told(error, connection, signal)
        await connection.close()
        const missing = error instanceof SftpError && error.status === noSuchFile
        throw missing ? new UserError('not-found', `${name} is not on ${machine} any more.`) : reason
      }
      const bytes = async function* () {
        try {
          yield* download(connection.sftp, path)
        } catch (error) {
          throw await told(error, connection, signal)
        } finally {
          await connection.close()
        }
      }
      return Readable.from(bytes(), { objectMode: false })
    },
    list: (prefix) =>
      connected(null, async (sftp) => {
        const found = await Array.fromAsync(walk(sftp, root, ''))
        return found.filter(({ name }) => name.startsWith(prefix)).sort((a, b) => (a.name < b.name ? -1 : 1))
      }),
    delete: (name) =>
      connected(null, async (sftp) => {
        for (const path of placesOf(root, name)) {
          await sftp.remove(path).catch((error) => {
            if (!(error instanceof SftpError && error.status === noSuchFile)) throw error
          })
        }
      }),
  }
}

/** Where a file lies, and where it lies until it is whole. */
function placesOf(root: string, name: string): [string, string] {
  assertArchiveName(name)
  const at = name.lastIndexOf('/') + 1
  return [`${root}/${name}`, `${root}/${name.slice(0, at)}.${name.slice(at)}.part`]
}

/** Those above this path. */
async function makeFolders(sftp: Sftp, path: string): Promise<void> {
  const parts = path.split('/').slice(0, -1)
  for (let n = 1; n <= parts.length; n++) {
    const folder = parts.slice(0, n).join('/')
    // One that is there already is refused like one that cannot be made; what is written next tells them apart.
    if (folder !== '') await sftp.makeFolder(folder).catch(onlyRefused)
  }
}

function onlyRefused(error: unknown): void {
  if (!(error instanceof SftpError)) throw error
}

async function* walk(sftp: Sftp, root: string, folder: string): AsyncGenerator<{ name: string; bytes: number }> {
  const entries = await sftp.list(folder === '' ? root : `${root}/${folder}`).catch((error) => {
    if (error instanceof SftpError && error.status === noSuchFile) return []
    throw error
  })
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.name.startsWith('.')) continue
    if (entry.folder) yield* walk(sftp, root, name)
    else yield { name, bytes: entry.bytes }
  }
}
