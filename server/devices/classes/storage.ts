/** The `storage` class: places where volumes live. */

export interface StorageDriver {
  /** Makes the volume, empty; safe to repeat. */
  create(volume: StoredVolume): Promise<void>
  /** Deletes it with its data; a static one (a directory that was there before) is only forgotten. Not an error when it is gone. */
  remove(volume: StoredVolume): Promise<void>
  usage(volume: StoredVolume): Promise<{ readonly bytes: number; readonly files: number }>
  /** Directory on the node that is mounted where the volume is attached; throws `unavailable` when it is not there. */
  open(volume: StoredVolume): Promise<string>
}

export interface StoredVolume {
  /** Eight hexadecimal digits, for ever. */
  readonly id: string
  /** Directory of a static volume; null for one that the driver places. */
  readonly path: string | null
}
