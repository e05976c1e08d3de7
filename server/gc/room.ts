/** How much room the disk has that a path is on. */
import { statfs } from 'node:fs/promises'
import type { Room } from '../domain/disk.ts'

export async function roomAt(path: string): Promise<Room> {
  const { bavail, blocks, bsize } = await statfs(path)
  return { free: bavail * bsize, total: blocks * bsize }
}
