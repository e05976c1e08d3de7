/** Programs inside containers, as the machine sees them: a test may end or halt one without asking the engine to. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** Sends a signal to every program of this name, or to all of them; none when the container does not run. */
export async function signalPrograms(container: string, program: string | null, signal: NodeJS.Signals): Promise<void> {
  const words = ['top', container, '-eo', 'pid,comm']
  const { stdout } = await promisify(execFile)('docker', words).catch(() => ({ stdout: '' }))
  for (const [, pid, name] of stdout.matchAll(/^\s*(\d+)\s+(\S+)$/gm)) {
    if (program === null || name === program) send(Number(pid), signal)
  }
}

/** One that ended meanwhile, as they do when the first of them is killed, needs none. */
export function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
