/** Gets certificates by itself: for names that have none, and in time before one ends. Nobody types anything. */
import { setTimeout as pause } from 'node:timers/promises'
import type { CertificateDriver } from '../devices/classes/certificate.ts'
import { type Certificate, type FailedTry, isFor } from '../domain/certificate.ts'
import { ownHosts } from '../domain/route.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { Attempt, Issue } from './issue.ts'
import { planned } from './plan.ts'
import { createRenewalWindows } from './renewal-windows.ts'
import { type Wanted, wantedNames } from './wanted.ts'

export interface Keeper {
  /** Until `signal` aborts. */
  keep(signal: AbortSignal): Promise<void>
  /** Names or certificates have changed: it looks again. */
  wake(): void
  /** At once, however often it failed. Whoever asks for a name that is being issued hears how that goes on. */
  issue(attempt: Attempt, progress: (line: string) => void): Promise<FailedTry | null>
}

export interface KeeperParts {
  readonly store: Pick<Store, 'certificates' | 'domains'>
  readonly issue: Issue
  readonly driver: (device: string) => Promise<CertificateDriver>
  readonly log: Log
  readonly now: () => Date
  /** Milliseconds between two looks at most: clocks are set, and machines sleep. */
  readonly longestPause?: number
}

/** Names that it issues at the same time. */
const atOnce = 4

interface Going {
  readonly ended: Promise<FailedTry | null>
  readonly ears: Set<(line: string) => void>
}

export function createKeeper({ store, issue, driver, log, now, longestPause = 60_000 }: KeeperParts): Keeper {
  const under = new Map<string, Going>()
  const stopping = new AbortController()
  const askAboutRenewals = createRenewalWindows({ store, driver, log, now, signal: stopping.signal })
  let sleeping = new AbortController()

  function begin(attempt: Attempt, progress: (line: string) => void): Promise<FailedTry | null> {
    const { host } = attempt
    const going = under.get(host)
    if (going) {
      going.ears.add(progress)
      return going.ended
    }
    const ears = new Set([progress])
    const tell = (line: string) => {
      for (const ear of ears) ear(line)
    }
    const ended = issue(attempt, tell, stopping.signal).finally(() => under.delete(host))
    // There is room for another one.
    ended.then(wake, () => {})
    under.set(host, { ended, ears })
    return ended
  }

  /** Begins what is due and there is room for; resolves with the milliseconds until there is more to do. */
  async function look(): Promise<number> {
    askAboutRenewals().then(
      (learnt) => learnt && wake(),
      () => {},
    )
    const [wanted, certificates, tries] = await Promise.all([
      wantedNames(store),
      store.certificates.list(),
      store.certificates.tries(),
    ])
    await forgetGone(tries, wanted)
    await forgetEnded(certificates)
    const names = planned({ wanted, certificates, tries, now: now() }).filter(({ host }) => !under.has(host))
    const due = names.filter(({ at }) => at <= now())
    for (const one of due.slice(0, Math.max(0, atOnce - under.size))) {
      const { host } = one
      begin(one, () => {}).catch((error) => log.warn('certificate.not-tried', { host, cause: messageOf(error) }))
    }
    const next = names.find(({ at }) => at > now())
    return Math.min(longestPause, next ? next.at.getTime() - now().getTime() : longestPause)
  }

  /** Of names that nobody has any more, what failed is no news. */
  async function forgetGone(tries: readonly FailedTry[], wanted: readonly Wanted[]): Promise<void> {
    const gone = tries.filter(({ host }) => !wanted.some((one) => one.host === host)).map(({ host }) => host)
    if (gone.length > 0) await store.certificates.forgetTries(gone)
  }

  /** What was issued serves a name as long as that is there, even when it has ended: a browser that knows it as secure asks no other way. */
  async function forgetEnded(certificates: readonly Certificate[]): Promise<void> {
    const ended = certificates.filter(
      ({ source, notAfter }) => source === 'issued' && Date.parse(notAfter) < now().getTime(),
    )
    if (ended.length === 0) return
    const [domains, global] = await Promise.all([store.domains.list(), store.domains.global()])
    const hosts = [...domains.map(({ host }) => host), ...ownHosts(global)]
    for (const one of ended) {
      if (!hosts.some((host) => isFor(one, host))) await store.certificates.remove(one.app, [one.part])
    }
  }

  const wake = () => sleeping.abort()

  return {
    issue: begin,
    wake,
    async keep(signal) {
      signal.addEventListener('abort', () => stopping.abort(), { once: true })
      while (!signal.aborted) {
        sleeping = new AbortController()
        const wait = await look().catch((error) => {
          log.warn('certificates.not-looked-after', { cause: messageOf(error) })
          return longestPause
        })
        await pause(wait, undefined, { signal: AbortSignal.any([signal, sleeping.signal]) }).catch(() => {})
      }
      await Promise.allSettled([...under.values()].map(({ ended }) => ended))
    },
  }
}
