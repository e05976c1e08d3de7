/** What is in the folder of a driver that is not trusted: read once, so that what is run is what was looked at. */
import { createHash } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { lstat, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export interface DriverFile {
  /** Below the folder, such as `lib/client.py`. */
  readonly path: string
  readonly bytes: Buffer
  readonly executable: boolean
}

/** Code has a few dozen files; what is more is something else. */
export const mostFiles = 1_000
export const mostBytes = 16 * 1024 ** 2
const deepest = 8

/** By path; throws a sentence when it holds what a driver may not. */
export async function readFolder(folder: string): Promise<DriverFile[]> {
  const files: DriverFile[] = []
  let bytes = 0
  for (const { path, entry } of await entries(folder)) {
    if (!entry.isFile()) throw new Error(`${path} is neither a file nor a folder`)
    if (files.length >= mostFiles) throw new Error(`it has more than ${mostFiles} files`)
    const details = await lstat(join(folder, path))
    bytes += details.size
    if (bytes > mostBytes) throw new Error(`it is larger than ${mostBytes / 1024 ** 2} MiB`)
    files.push({ path, bytes: await readFile(join(folder, path)), executable: (details.mode & 0o100) !== 0 })
  }
  return files
}

/** Names exactly this content: paths, bytes, and what may be executed. */
export function digestOf(files: readonly DriverFile[]): string {
  const digest = createHash('sha256')
  for (const { path, bytes, executable } of files) {
    digest.update(`${path}\0${executable ? 'x' : '-'}${bytes.length}\0`).update(bytes)
  }
  return digest.digest('hex')
}

/**
 * Writes them, for everybody to read, beside the place and then moves them there: it is whole, or it is not there.
 * `check` looks at what was written before it counts.
 */
export async function writeFolder(
  files: readonly DriverFile[],
  folder: string,
  check: (fresh: string) => Promise<void> = async () => {},
): Promise<void> {
  const fresh = join(dirname(folder), `.new-${process.pid}-${Math.random().toString(36).slice(2)}`)
  try {
    await mkdir(fresh, { recursive: true, mode: 0o755 })
    for (const { path, bytes, executable } of files) {
      await mkdir(dirname(join(fresh, path)), { recursive: true, mode: 0o755 })
      await writeFile(join(fresh, path), bytes, { mode: executable ? 0o755 : 0o644, flag: 'wx' })
    }
    await check(fresh)
    await replace(fresh, folder)
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

/** `.old-<name>` is the way back for whoever finds the folder gone. */
async function replace(fresh: string, folder: string): Promise<void> {
  const old = join(dirname(folder), `.old-${folder.split('/').pop()}`)
  await rm(old, { recursive: true, force: true })
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  )
  if (isThere) await rename(folder, old)
  await rename(fresh, folder)
  await rm(old, { recursive: true, force: true })
}

/** What a kernel that died while it wrote has left: the old folder comes back, half a new one goes. */
export async function tidyFolders(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (name.startsWith('.new-')) await rm(join(parent, name), { recursive: true, force: true })
    const [, of] = /^\.old-(.+)$/.exec(name) ?? []
    if (of === undefined) continue
    const isThere = await stat(join(parent, of)).catch(() => null)
    if (isThere) await rm(join(parent, name), { recursive: true, force: true })
    else await rename(join(parent, name), join(parent, of))
  }
}

/** Names that begin with a dot, such as `.git`, are nobody's code. */
async function entries(folder: string, below = '', depth = 0): Promise<{ path: string; entry: Dirent }[]> {
  if (depth > deepest) throw new Error(`its folders are more than ${deepest} deep`)
  const found: { path: string; entry: Dirent }[] = []
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue
    const path = below ? `${below}/${entry.name}` : entry.name
    if (entry.isDirectory()) found.push(...(await entries(folder, path, depth + 1)))
    else found.push({ path, entry })
    if (found.length > mostFiles) break
  }
  return found.sort((one, other) => (one.path < other.path ? -1 : 1))
}
