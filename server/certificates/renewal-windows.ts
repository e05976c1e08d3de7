/** Asks issuers when they want their certificates renewed (ARI), now and then. */
import type { CertificateDriver } from '../devices/classes/certificate.ts'
import type { Certificate } from '../domain/certificate.ts'
import { messageOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'

export interface WindowParts {
  readonly store: Pick<Store, 'certificates'>
  readonly driver: (device: string) => Promise<CertificateDriver>
  readonly log: Log
  readonly now: () => Date
  readonly signal: AbortSignal
}

/** Milliseconds: between two questions about one certificate, and for an answer. */
const every = 6 * 3_600_000
const patience = 30_000

/** Says whether anything was learnt. One round at a time. */
export function createRenewalWindows({ store, driver, log, now, signal }: WindowParts): () => Promise<boolean> {
  let asking: Promise<boolean> | null = null

  /** False when the issuer does not answer; what it said before stays. */
  async function ask({ part, device, renewal }: Certificate): Promise<boolean> {
    const at = now().toISOString()
    try {
      const { chain } = await store.certificates.pair(part)
      const by = AbortSignal.any([signal, AbortSignal.timeout(patience)])
      await store.certificates.asked(part, await (await driver(device ?? '')).renewal(chain, by), at)
      return true
    } catch (error) {
      log.warn('certificate.renewal-not-asked', { device, cause: messageOf(error) })
      await store.certificates.asked(part, renewal, at)
      return false
    }
  }

  async function askAll(): Promise<boolean> {
    const list = (await store.certificates.list()).filter(
      ({ source, device, askedAt }) =>
        source === 'issued' && device !== null && now().getTime() - Date.parse(askedAt ?? '1970-01-01') >= every,
    )
    let learnt = false
    for (const one of list) {
      const answered: boolean = !signal.aborted && (await ask(one))
      // The others need not be asked now.
      if (!answered) break
      learnt = true
    }
    return learnt
  }

  return () => {
    asking ??= askAll().finally(() => {
      asking = null
    })
    return asking
  }
}
