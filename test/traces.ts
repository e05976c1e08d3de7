/** Where a secret would leave a trace: in files, and on command lines. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Paths of the files below a folder that have one of these texts in them. */
export async function filesWith(folder: string, texts: readonly string[]): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  // A server that runs makes files come and go.
  const read = await Promise.all(
    paths.map(async (path) => [path, await readFile(path, 'latin1').catch(() => '')] as const),
  )
  return read.filter(([, content]) => texts.some((text) => content.includes(text))).map(([path]) => path)
}

/** Every command line that is seen until `end`. */
export function watchProcesses() {
  const found = new Set<string>()
  let watching = true
  const ended = (async () => {
    while (watching) {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
      for (const line of lines) found.add(line)
    }
  })()
  return {
    async end(): Promise<string[]> {
      watching = false
      await ended
      return [...found]
    },
  }
}
