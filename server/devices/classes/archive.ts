/**
 * The `archive` class: keeps what must outlive the server. Names are paths of plain components (letters, digits, `.`, `-`,
 * `_`, not beginning with a dot), such as `databases/blog/2026-01-31-020000.age`.
 */
import type { Readable } from 'node:stream'

export interface ArchiveDriver {
  /** Looks whether the settings lead to a place that can be written; throws a sentence that says what to change. */
  check(): Promise<void>
  /**
   * Written beside and renamed: a name stands for a whole file or for none. Throws `unavailable` naming what broke; what
   * `bytes` throws, it throws as it is.
   */
  put(name: string, bytes: Readable, signal: AbortSignal): Promise<{ readonly bytes: number }>
  /** Throws `not-found`. Ends early, with an error, when the place does. */
  get(name: string, signal: AbortSignal): Promise<Readable>
  /** Below this prefix, by name; an empty one: all. */
  list(prefix: string): Promise<readonly { readonly name: string; readonly bytes: number }[]>
  /** With what an interrupted `put` left of it. Not an error when it is gone. */
  delete(name: string): Promise<void>
}

const component = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$/

/** Names are the kernel's own, and nothing that a driver has to be clever about. */
export function assertArchiveName(name: string): void {
  if (!name.split('/').every((part) => component.test(part))) throw new Error(`${name} is no name in an archive`)
}
