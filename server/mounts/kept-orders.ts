/**
 * What is mounted in each folder, kept as the very orders that mounter.pl takes: at boot install.sh gives them to it before
 * Docker starts a container, and there is no kernel yet. The rows are the truth; whatever is lost here, the kernel makes
 * good as soon as it runs.
 */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { attachOrder, type Mount } from './mounter.ts'

export interface KeptOrders {
  keep(folder: string, mounts: readonly Mount[]): Promise<void>
  forget(folder: string): Promise<void>
}

/** `directory`: `<home>/state/mounts`, a file for each folder. */
export function createKeptOrders(directory: string): KeptOrders {
  const fileOf = (folder: string) => join(directory, `${basename(folder)}.orders`)
  return {
    async keep(folder, mounts) {
      if (mounts.length === 0) return rm(fileOf(folder), { force: true })
      await mkdir(directory, { recursive: true, mode: 0o700 })
      const text = mounts.map((mount) => `${attachOrder(folder, mount).join('\t')}\n`).join('')
      await writeFile(`${fileOf(folder)}.new`, text, { mode: 0o600 })
      await rename(`${fileOf(folder)}.new`, fileOf(folder))
    },
    forget: (folder) => rm(fileOf(folder), { force: true }),
  }
}
