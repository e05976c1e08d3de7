/** Notices that a process has ended. */
import { readFileSync } from 'node:fs'

/**
 * Calls back when one of these processes has ended (numbers with spaces between them); without any never. Nobody but its
 * parent is told of an end, so it is asked for.
 */
export function watchProcesses(pids: string, onEnd: () => void): () => void {
  const watched = pids.split(' ').filter((pid) => /^[1-9]\d*$/.test(pid))
  if (watched.length === 0) return () => {}
  const timer = setInterval(() => {
    if (watched.some(hasEnded)) onEnd()
  }, 1_000)
  return () => clearInterval(timer)
}

/** One that its parent has not looked after yet is a zombie, and still has its folder in /proc. */
function hasEnded(pid: string): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return true
  }
}
