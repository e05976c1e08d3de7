/**
 * The last table and what it points to, for an nginx that starts again without the kernel; good until the machine boots.
 * They lie in memory, where a thread for each step would take longer than the steps.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Paths } from './config.ts'

const bootIdFile = '/proc/sys/kernel/random/boot_id'

export interface Saved {
  /** Before the table that points to it. */
  savePart(key: string, text: string): void
  /** Beside the last one, which stays the one that counts. */
  prepareTable(text: string): void
  /** The one that was prepared counts. `keys`: what it points to; all else is forgotten. */
  useTable(keys: ReadonlySet<string>): void
  /** An older table would send requests to addresses that are somebody else's by now. */
  drop(): void
}

export function createSaved({ table, parts }: Paths): Saved {
  let known: Set<string> | undefined
  const partsThere = () => {
    mkdirSync(parts, { recursive: true, mode: 0o700 })
    known ??= new Set(readdirSync(parts))
    return known
  }
  return {
    savePart(key, text) {
      partsThere().add(key)
      const path = join(parts, key)
      writeFileSync(beside(path), text, { mode: 0o600 })
      renameSync(beside(path), path)
    },
    prepareTable(text) {
      mkdirSync(dirname(table), { recursive: true, mode: 0o700 })
      writeFileSync(beside(table), `${readFileSync(bootIdFile, 'utf8').trim()}\n${text}`, { mode: 0o600 })
    },
    useTable(keys) {
      renameSync(beside(table), table)
      for (const key of partsThere()) {
        if (keys.has(key)) continue
        rmSync(join(parts, key), { force: true })
        known?.delete(key)
      }
    },
    drop: () => rmSync(table, { force: true }),
  }
}

/** A reader sees the old text or the new one. */
function beside(path: string): string {
  return `${path}.new`
}
