import { open } from 'node:fs/promises'

/** A name is only safe from a power cut when its folder is. */
export async function synced(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
