/** An archive in a directory of the node, or in what is mounted for each backup and unmounted after it: a disk, or a volume. */
import type { ArchiveDriver } from '../../server/devices/classes/archive.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { inDirectory } from './directory.ts'
import { createMounted, type MountHost, type MountSource } from './mounted.ts'

type Host = MountHost & Pick<DriverHost, 'settings' | 'volume'>

export function createDriver(host: Host): ArchiveDriver {
  const source = sourceOf(host)
  if (source === null) return inDirectory(String(host.settings.path ?? ''))
  const mounted = createMounted(host, source)

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

/** Null: a directory, which nobody mounts. */
function sourceOf({ settings, volume }: Host): MountSource | null {
  const [kind, other] = ['path', 'disk', 'volume'].filter((one) => settings[one] !== undefined)
  if (other !== undefined) {
    throw new UserError('usage', `An archive is in one place: ${kind} or ${other}.`, `Leave out ${other}=…`)
  }
  const name = String(settings[kind ?? ''])
  if (kind === 'disk') return { what: `disk ${name}`, options: '', find: async () => name }
  if (kind === 'volume') return { what: `volume ${name}`, options: 'bind,', find: () => volume.open() }
  return null
}
