/** How much room the disks have, how much is too little, and how much of them images and build cache may take. */
import { bytesText, parseBytes } from './bytes.ts'

export interface Room {
  readonly free: number
  readonly total: number
}

const GB = 1_000_000_000

/** Bytes that must be free for a build to begin: a twentieth of the disk, and no more than a gigabyte. */
export function neededFor(build: Room): number {
  return Math.min(GB, build.total / 20)
}

export const defaultBudget = '50%'

/** A size, or a share of the disk; null when it is neither. */
export function parseBudget(text: string): { readonly bytes: number } | { readonly share: number } | null {
  const percent = /^(\d{1,3})%$/.exec(text.trim())?.[1]
  if (percent !== undefined) {
    const share = Number(percent) / 100
    return share > 0 && share <= 1 ? { share } : null
  }
  const bytes = parseBytes(text)
  return bytes === null ? null : { bytes }
}

/**
 * What images and build cache may take, of a disk on which they take `used` now: the operator's budget, and in any case
 * so little that twice as much stays free as a build needs.
 */
export function budgetFor(text: string, disk: Room, used: number): number {
  const budget = parseBudget(text) ?? { share: 0.5 }
  const wanted = 'bytes' in budget ? budget.bytes : budget.share * disk.total
  return Math.min(wanted, used + disk.free - 2 * neededFor(disk))
}

/** `0.4 GB of 20 GB are free at /var/lib/docker` */
export function roomText(path: string, { free, total }: Room): string {
  return `${bytesText(free)} of ${bytesText(total)} are free at ${path}`
}
