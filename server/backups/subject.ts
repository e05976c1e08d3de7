/** What can be backed up, and where backups are tried and restored: a database or a volume. */
import type { Readable } from 'node:stream'
import type { Contents, Dump } from '../devices/classes/database.ts'
import type { RunningJob } from '../jobs/queue.ts'

export interface Subjects {
  /** Null when there is none of this name. */
  find(name: string): Promise<Subject | null>
  /**
   * An empty place for what was backed up of a subject of this name, which may be gone; `driver` is who wrote it.
   * Throws `not-found` when nothing here understands that.
   */
  scratch(name: string, driver: string): Promise<Place>
}

export interface Subject {
  /** Driver that makes, and understands, its dump. */
  readonly driver: string
  dump(signal: AbortSignal): Promise<Dump>
}

export interface Place {
  fill(bytes: Readable, signal: AbortSignal): Promise<void>
  /** What is in it now. */
  inspect(signal: AbortSignal): Promise<Contents>
  /** Becomes a new one of this name. Throws `conflict` when it is taken. */
  keep(name: string, actor: string): Promise<void>
  /** Becomes the content of the one with this name; the old content stays as another one, whose name is returned, unless it was lost. */
  replace(name: string, job: RunningJob): Promise<{ readonly kept: string | null }>
  /** Not an error once it has become something. */
  drop(): Promise<void>
}
