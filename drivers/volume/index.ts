/** An archive in a directory of the node, or on a disk that is mounted for each backup and unmounted after it. */
import type { ArchiveDriver } from '../../server/devices/classes/archive.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { inDirectory } from './directory.ts'
import { createDisk, type DiskHost } from './disk.ts'

export function createDriver(host: DiskHost & Pick<DriverHost, 'settings'>): ArchiveDriver {
  const { path, disk } = host.settings
  if (disk === undefined) return inDirectory(String(path ?? ''))
  const mounted = createDisk(host, String(disk))

  async function there<T>(work: (archive: ArchiveDriver) => Promise<T>): Promise<T> {
    const archive = inDirectory(await mounted.enter())
    try {
      return await work(archive)
    } finally {
      await mounted.leave()
    }
  }

  return {
    check: () => there((archive) => archive.check()),
    put: (name, bytes, signal) => there((archive) => archive.put(name, bytes, signal)).finally(() => bytes.destroy()),
    list: (prefix) => there((archive) => archive.list(prefix)),
    delete: (name) => there((archive) => archive.delete(name)),
    async get(name, signal) {
      const archive = inDirectory(await mounted.enter())
      try {
        const bytes = await archive.get(name, signal)
        bytes.once('close', () => mounted.leave())
        return bytes
      } catch (error) {
        await mounted.leave()
        throw error
      }
    },
  }
}
