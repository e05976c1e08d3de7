/**
 * The `archive` class: keeps what must outlive the server. Names are paths of plain components (letters, digits, `.`, `-`,
 * `_`), such as `databases/blog/2026-01-31-020000.age`.
 */
import type { Readable } from 'node:stream'

export interface ArchiveDriver {
  /** Looks whether the settings lead to a place that can be written; throws a sentence that says what to change. */
  check(): Promise<void>
  /** Written beside and renamed: a name stands for a whole file or for none. Throws `unavailable` naming what broke. */
  put(name: string, bytes: Readable, signal: AbortSignal): Promise<{ readonly bytes: number }>
  /** Throws `not-found`. Ends early, with an error, when the place does. */
  get(name: string, signal: AbortSignal): Promise<Readable>
  /** Below this prefix, by name. */
  list(prefix: string): Promise<readonly { readonly name: string; readonly bytes: number }[]>
  /** Not an error when it is gone. */
  delete(name: string): Promise<void>
}
