/** Keeps the access log within bounds: it and the one before it, each this large and what comes in between two looks. */
import { readFile, rename, stat } from 'node:fs/promises'
import type { Paths } from './config.ts'

const largest = 32 * 1024 * 1024

/**
 * No line is lost: each process of nginx writes on to the file that it has, under its new name, until it opens the one of
 * the old name; it is told so by a signal that touches no connection. One that was not sent is sent at the next look.
 */
export async function turnOver(paths: Paths, limit = largest): Promise<void> {
  const { accessLog } = paths
  const there = await stat(accessLog).catch(() => null)
  if (there !== null && there.size <= limit) return
  const master = await masterOf(paths)
  if (there !== null) await rename(accessLog, `${accessLog}.1`)
  if (master !== null) process.kill(master, 'SIGUSR1')
}

/** Null when it does not run: the file of one that was killed may name anybody by now. */
async function masterOf({ pid, config }: Paths): Promise<number | null> {
  const number = (await readFile(pid, 'utf8').catch(() => '')).trim()
  const words = await readFile(`/proc/${number || 'none'}/cmdline`, 'utf8').catch(() => '')
  return words.includes(config) ? Number(number) : null
}
