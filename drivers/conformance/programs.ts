/** Programs of this machine, those in containers too, by the words that everybody can see. */
import { readdirSync, readFileSync } from 'node:fs'

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
