/** A pushed tree as it arrived: a tar on disk and the list of what is in it. Nothing of it was ever checked out. */

export interface Source {
  /** The tar, 0600, removed when the push is decided. */
  readonly path: string
  readonly files: ReadonlyMap<string, SourceFile>
  /** Text of a regular file of at most `limit` bytes (default 1 MiB); null when it is not there. A symlink is refused. */
  read(path: string, limit?: number): Promise<string | null>
}

export interface SourceFile {
  readonly kind: 'file' | 'symlink' | 'directory'
  readonly size: number
  readonly executable: boolean
}
