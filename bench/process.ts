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

/** The same of several, with the children that they have now. */
export function cpuOfTrees(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + cpuOf(pid) + cpuOfTrees(childrenOf(pid)), 0)
}

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

/** MiB of memory, shared pages divided among those who share them. */
export async function pssOf(pid: number): Promise<number> {
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8')
  return Number(rollup.match(/^Pss:\s+(\d+) kB/m)?.[1]) / 1024
}
