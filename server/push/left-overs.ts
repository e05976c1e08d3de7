/** What a git that was killed leaves in a repository: objects that nobody accepted, and locks that refuse the next push. */
import { readdir, readlink, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** A repository in which a git is at work stays as it is. */
export async function removeLeftOvers(repository: string): Promise<void> {
  const found = await leftOvers(repository)
  // Looked for only now: what a git begins from here on is not among those that were found.
  if (found.length === 0 || (await inUse(repository))) return
  for (const path of found) await rm(path, { recursive: true, force: true })
}

async function leftOvers(repository: string): Promise<string[]> {
  const named = async (folder: string, name: RegExp, recursive = false) => {
    const names = await readdir(join(repository, folder), { recursive }).catch(() => [])
    return names.filter((one) => name.test(one)).map((one) => join(repository, folder, one))
  }
  const lists = await Promise.all([
    named('objects', /^(tmp_objdir-|incoming-)/),
    named('objects/pack', /^tmp_/),
    named('refs', /\.lock$/, true),
    named('.', /^[\w-]+\.lock$/),
  ])
  return lists.flat()
}

/** git and its hooks work in the folder of the repository, from before they write the first byte. */
async function inUse(repository: string): Promise<boolean> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')))
  return folders.some((folder) => folder === repository || folder.startsWith(`${repository}/`))
}
