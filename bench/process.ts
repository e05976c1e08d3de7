/** What the kernel of the machine knows about a process. */
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'

/** Seconds of CPU that a process and its ended children have used. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number)
  // utime, stime, cutime and cstime, in hundredths of a second.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / 100
}

/** MiB of memory, shared pages divided among those who share them. */
export async function pssOf(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(rollup.match(/^Pss:\s+(\d+) kB/m)?.[1]) / 1024
}
