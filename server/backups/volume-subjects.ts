/**
 * Volumes as something to back up: their files in a tar. Files that are written meanwhile are taken as they are when it
 * is their turn.
 */
import type { Contents } from '../devices/classes/database.ts'
import { UserError } from '../errors.ts'
import type { Subjects } from './subject.ts'
import { packFolder, unpackInto } from './tar-program.ts'

/** What is asked of volumes. */
export interface VolumeAccess<V = unknown> {
  /** Null when there is none of this name. */
  find(name: string): Promise<V | null>
  /** Its directory on this node. */
  open(volume: V): Promise<string>
  scratch(): Promise<{
    readonly folder: string
    keep(name: string, actor: string): Promise<unknown>
    replace(volume: V): Promise<{ readonly kept: string | null }>
    drop(): Promise<void>
  }>
}

/** Who writes and understands the dump. */
const driver = 'tar'

export function volumeSubjects<V>(volumes: VolumeAccess<V>): Subjects {
  const inspect = async (folder: string, signal: AbortSignal): Promise<Contents> => {
    const { bytes, contents } = packFolder(folder, signal)
    bytes.resume()
    return contents
  }
  return {
    async find(name) {
      const volume = await volumes.find(name)
      if (volume === null) return null
      return { driver, dump: async (signal) => packFolder(await volumes.open(volume), signal) }
    },
    async scratch(_name, wanted) {
      if (wanted !== driver)
        throw new UserError('refused', `This backup of a volume was written as ${wanted}, not ${driver}.`)
      const scratch = await volumes.scratch()
      return {
        fill: (bytes, signal) => unpackInto(scratch.folder, bytes, signal),
        inspect: (signal) => inspect(scratch.folder, signal),
        keep: async (name, actor) => void (await scratch.keep(name, actor)),
        async replace(name, job) {
          const volume = await volumes.find(name)
          if (volume === null) throw new UserError('not-found', `There is no volume ${name} any more.`)
          job.commit()
          return scratch.replace(volume)
        },
        drop: () => scratch.drop(),
      }
    },
  }
}
