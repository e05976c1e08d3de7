/**
 * Volumes are directories: those that the kernel asks for, below one folder, and given ones that were there before. Apps
 * write in them what they like, also links to anywhere, so only tools that follow none go into them as root.
 */
import { execFile } from 'node:child_process'
import { chmod, chown, lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { StorageDriver, StoredVolume } from '../../server/devices/classes/storage.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'

/** User and group of the processes in buildpack images. */
const owner = 1000
/** Milliseconds that counting the files of a volume may take. */
const patience = 10_000

export function createDriver({ folder, settings }: Pick<DriverHost, 'folder' | 'settings'>): StorageDriver {
  const root = String(settings.folder ?? folder)
  const directoryOf = ({ id, path }: StoredVolume) => path ?? join(root, id)

  return {
    async create(volume) {
      if (volume.path !== null) return checkDirectory(volume.path)
      const directory = directoryOf(volume)
      await mkdir(root, { recursive: true, mode: 0o700 })
      // Nobody writes in it before it has its owner: whatever is found there is from a call that was interrupted.
      await mkdir(directory).catch((error) => {
        if (error.code !== 'EEXIST') throw error
      })
      await chown(directory, owner, owner)
      await chmod(directory, 0o755)
    },
    async remove(volume) {
      if (volume.path !== null) return
      await run('rm', '--recursive', '--force', '--one-file-system', '--', directoryOf(volume))
    },
    async usage(volume) {
      const directory = directoryOf(volume)
      await checkDirectory(directory)
      const count = async (what: string) => {
        const { stdout } = await run('du', '--summarize', '--one-file-system', what, '--', directory)
        return Number.parseInt(stdout, 10)
      }
      const [bytes, entries] = await Promise.all([count('--block-size=1'), count('--inodes')])
      return { bytes, files: entries - 1 }
    },
    async open(volume) {
      const directory = directoryOf(volume)
      await checkDirectory(directory)
      return directory
    },
  }
}

async function checkDirectory(path: string): Promise<void> {
  const found = await lstat(path).catch(() => null)
  if (found?.isDirectory()) return
  const problem = found === null ? 'is not there' : 'is not a directory'
  throw new UserError('unavailable', `${path} ${problem}.`, 'Is its disk mounted? Look on the server.')
}

/** They go through a tree by open directories, and follow no link, whatever happens to the tree meanwhile. */
async function run(program: string, ...words: readonly string[]): Promise<{ stdout: string }> {
  const options = { timeout: program === 'du' ? patience : 0, env: { PATH: '/usr/bin:/bin', LC_ALL: 'C' } }
  try {
    return await promisify(execFile)(program, words, options)
  } catch (error) {
    const { killed, stderr } = error as { killed?: boolean; stderr?: string }
    const [line = ''] = (stderr ?? '').trim().split('\n')
    throw new UserError(
      'unavailable',
      killed ? `Counting takes longer than ${patience / 1000} s.` : line || `${program} failed.`,
    )
  }
}
