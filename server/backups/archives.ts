/** The archives that there are, and what lies in them that the store does not know. */
import { setTimeout as pause } from 'node:timers/promises'
import type { ArchiveDriver } from '../devices/classes/archive.ts'
import { type Backup, backupFile, parseBackupFile, restorable } from '../domain/backup.ts'
import { messageOf, UserError } from '../errors.ts'
import type { Store } from '../state/store.ts'

/** What is asked of the devices. */
export interface ArchiveDevices {
  /** Those that are ready; `volume`: the one that it keeps its files in. */
  archives(): Promise<{ readonly name: string; readonly volume: string | null }[]>
  archive(name: string): Promise<ArchiveDriver>
}

export interface Known extends Backup {
  /** The archive was looked into, and the file is not there. */
  readonly missing: boolean
}

export interface Look {
  /** Newest first; those that only the archives knew as well. */
  readonly backups: readonly Known[]
  /** Sentences about archives that did not answer. */
  readonly unseen: readonly string[]
}

export interface Archives {
  /** The one that is meant; without a name the only one. Throws `not-found`, and `usage` when that would fill itself. */
  choose(name: string | undefined, of: Pick<Backup, 'kind' | 'subject'>): Promise<string>
  driver(name: string): Promise<ArchiveDriver>
  /** Looks into every archive, and waits for none longer than `patience`. */
  look(): Promise<Look>
  /**
   * By its id, else the newest good one of what has this name, else the newest at all. From the store or from an archive:
   * then it is in the store from now on. Throws `not-found`.
   */
  find(word: string): Promise<Backup>
}

/** Milliseconds. */
const patience = 10_000

export function createArchives(devices: ArchiveDevices, store: Pick<Store, 'backups'>): Archives {
  async function look(): Promise<Look> {
    const [rows, archives] = await Promise.all([store.backups.list(), devices.archives()])
    const names = archives.map(({ name }) => name)
    const looks = await Promise.all(names.map((name) => lookInto(name)))
    const lists = new Map(names.map((name, n) => [name, looks[n]]))
    const missing = ({ archive, ...one }: Backup) => {
      const seen = lists.get(archive)
      return restorable(one) && seen !== undefined && 'files' in seen && !seen.files.has(backupFile(one))
    }
    const ids = new Set(rows.map(({ id }) => id))
    const found = [...lists].flatMap(([archive, seen]) =>
      seen !== undefined && 'files' in seen ? [...seen.files].flatMap((file) => discovered(archive, file)) : [],
    )
    const known = rows.map((one) => ({ ...one, missing: missing(one) }))
    const others = found.filter(({ id }) => !ids.has(id)).map((one) => ({ ...one, missing: false }))
    return {
      backups: [...known, ...others].sort((a, b) => b.createdAt.localeCompare(a.createdAt)),
      unseen: looks.flatMap((seen) => ('problem' in seen ? [seen.problem] : [])),
    }
  }

  async function lookInto(name: string): Promise<{ files: Map<string, number> } | { problem: string }> {
    const late = pause(patience, null, { ref: false }).then(() => {
      throw new Error(`it has not answered in ${patience / 1000} s`)
    })
    const listing = devices.archive(name).then((driver) => driver.list(''))
    try {
      return { files: new Map((await Promise.race([listing, late])).map((file) => [file.name, file.bytes])) }
    } catch (error) {
      return { problem: `The archive ${name} cannot be looked into: ${messageOf(error)}` }
    }
  }

  return {
    look,
    driver: (name) => devices.archive(name),
    async choose(name, { kind, subject }) {
      const archives = await devices.archives()
      const names = archives.map((one) => one.name)
      const list = `Archives: ${names.join(', ')}`
      if (names.length === 0) {
        const hint =
          'A second disk: devices:adopt volume path=/mnt/disk2. A volume: volume=NAME. Another machine: devices:adopt sftp host=… user=…'
        throw new UserError('not-found', 'There is no archive yet that backups could go to.', hint)
      }
      if (name === undefined && names.length > 1) {
        throw new UserError('usage', 'There are several archives; say which one.', `--to NAME. ${list}`)
      }
      const chosen = name ?? (names[0] as string)
      const archive = archives.find((one) => one.name === chosen)
      if (!archive) throw new UserError('not-found', `There is no archive ${chosen}.`, list)
      if (kind === 'volume' && archive.volume === subject) {
        throw new UserError(
          'usage',
          `The archive ${chosen} is in the volume ${subject} itself.`,
          'Choose another: --to',
        )
      }
      return chosen
    },
    async find(word) {
      const row = await store.backups.find(word)
      if (row !== null) return row
      const { backups, unseen } = await look()
      const named = backups.filter((one) => one.subject === word && restorable(one) && !one.missing)
      const good = named.find(({ state }) => state === 'verified')
      const found = backups.find((one) => one.id === word) ?? good ?? named[0]
      if (found === undefined) {
        throw new UserError('not-found', `There is no backup ${word}.`, 'See them: backups:list', unseen)
      }
      const known = await store.backups.find(found.id)
      if (known !== null) return known
      const { missing: _, ...backup } = found
      await store.backups.add(backup)
      return backup
    },
  }
}

/** Whole, because its name says so; whether it is good nobody knows yet. */
function discovered(archive: string, [file, bytes]: readonly [string, number]): Backup[] {
  const parsed = parseBackupFile(file)
  if (parsed === null) return []
  const facts = { summary: null, problem: null, createdBy: 'found in the archive', verifiedAt: null }
  return [{ ...parsed, ...facts, archive, state: 'stored', bytes }]
}
