/** Notices that whoever asked has gone, where the connection to the kernel does not say so. */
import { existsSync, readFileSync } from 'node:fs'

/**
 * Calls back when one of these files is gone (paths with spaces between them); without any never. Each is there for as
 * long as the asker is: `/proc/<number>` of a process that takes the answer to them, or the note of a push over HTTP.
 * Nobody tells of either, so it is asked for.
 */
export function watchSession(files: string, onEnd: () => void): () => void {
  const watched = files.split(' ').filter((file) => file.startsWith('/'))
  if (watched.length === 0) return () => {}
  const timer = setInterval(() => {
    if (!watched.every(isThere)) onEnd()
  }, 1_000)
  return () => clearInterval(timer)
}

function isThere(file: string): boolean {
  return file.startsWith('/proc/') ? isAlive(file) : existsSync(file)
}

/** A process that its parent has not looked after yet is a zombie, and still has its folder. */
function isAlive(folder: string): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`${folder}/stat`, 'latin1'))
  } catch {
    return false
  }
}
