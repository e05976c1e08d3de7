/** Notices that whoever asked has gone, where the connection to the kernel does not say so. */
import { existsSync } from 'node:fs'

/**
 * Calls back when this file is gone; without one never. The file is there for as long as the asker is: `/proc/<number>`
 * of the process that serves them over SSH, or the note of a push over HTTP. Nobody tells of either, so it is asked for.
 */
export function watchSession(file: string, onEnd: () => void): () => void {
  if (!file.startsWith('/')) return () => {}
  const timer = setInterval(() => {
    if (!existsSync(file)) onEnd()
  }, 1_000)
  return () => clearInterval(timer)
}
