/** Where pushed trees wait while they are built; one that a dead kernel left behind is removed at the next start. */
import { randomUUID } from 'node:crypto'
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import type { Source } from '../domain/source.ts'
import { spoolSource } from './spool.ts'

export type Spooled = Source & { remove(): Promise<void> }

export async function openSpool(folder: string): Promise<(tar: Readable, signal: AbortSignal) => Promise<Spooled>> {
  for (const name of await readdir(folder)) await rm(join(folder, name), { recursive: true, force: true })
  return async (tar, signal) => {
    const source = await spoolSource(tar, join(folder, `${randomUUID()}.tar`), { signal })
    return { ...source, remove: () => rm(source.path, { force: true }) }
  }
}
