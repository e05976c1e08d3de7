/** What the proxy answers to issuers that look for a proof. Only in memory: whoever starts anew asks for another proof. */
import type { ChallengeAnswers } from '../devices/classes/certificate.ts'
import { told } from '../errors.ts'

export interface Challenges {
  /** Those of one issue: whatever it forgets to withdraw goes with `end`. */
  open(): ChallengeAnswers & { end(): Promise<void> }
}

/** `shown`: token → answer, as the routing table takes it. */
export function createChallenges(shown: Map<string, string>, refresh: () => Promise<void>): Challenges {
  return {
    open() {
      const own = new Set<string>()
      const withdraw = async (token: string) => {
        own.delete(token)
        // The proxy answers one that nobody asks for any more a little longer; nobody waits for that.
        if (shown.delete(token)) void refresh().catch(() => {})
      }
      return {
        async show(token, text) {
          own.add(token)
          shown.set(token, text)
          await refresh().catch(unlessRefused)
        },
        withdraw,
        async end() {
          for (const token of own) await withdraw(token)
        },
      }
    },
  }
}

/** Settings of some app do not fit, and what was there before them is used; the challenge is shown all the same. */
function unlessRefused(error: unknown): void {
  if (told(error).code !== 'refused') throw error
}
