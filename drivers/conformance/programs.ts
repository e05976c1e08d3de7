/** Programs of this machine, those in containers too, by the words that everybody can see. */
import { readdirSync, readFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'

/** Looks for this word again and again while the work is done; `seen`: how often it was found, whoever tests excluded. */
export async function programsSeen<T>(word: string, work: () => Promise<T>): Promise<{ result: T; seen: number }> {
  let seen = 0
  let done = false
  const watch = async () => {
    while (!done) {
      seen += programsWith(word)
      await turn()
    }
  }
  const watching = watch()
  try {
    const result = await work()
    return { result, seen }
  } finally {
    done = true
    await watching
  }
}

/** How many show this word; whoever tests excluded. */
export function programsWith(word: string): number {
  let found = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word)) found += 1
    } catch {
      // It ended meanwhile.
    }
  }
  return found
}
