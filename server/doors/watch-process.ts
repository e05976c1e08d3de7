/** Notices that a process has ended. */
import { existsSync } from 'node:fs'

/** Calls back when the process of this number has ended; without a number never. Nobody but its parent is told, so it is asked for. */
export function watchProcess(pid: string, onEnd: () => void): () => void {
  if (!/^[1-9]\d*$/.test(pid)) return () => {}
  const timer = setInterval(() => {
    if (!existsSync(`/proc/${pid}`)) onEnd()
  }, 1_000)
  return () => clearInterval(timer)
}
