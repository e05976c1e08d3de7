/** One try to get a certificate for a name. A kernel that dies in it leaves nothing that the next try minds. */
import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { AskLater, type CertificateDriver, type Issued } from '../devices/classes/certificate.ts'
import { type Certificate, type FailedTry, renewsAt, retriesAt } from '../domain/certificate.ts'
import { told, UserError } from '../errors.ts'
import type { Journal } from '../events/journal.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import { describedChain } from './chain.ts'
import type { Challenges } from './challenges.ts'
import { jitterOf } from './plan.ts'
import type { Issuer, Preflight } from './preflight.ts'
import type { Wanted } from './wanted.ts'

export interface IssueParts {
  readonly store: Pick<Store, 'certificates' | 'apps'>
  /** The device that names are issued by, and what is known of its issuer. */
  readonly device: () => Promise<{ readonly name: string; readonly driver: CertificateDriver; readonly issuer: Issuer }>
  readonly challenges: Challenges
  readonly preflight: Preflight
  /** Serves what is stored. */
  readonly refresh: () => Promise<void>
  readonly journal: Pick<Journal, 'record'>
  readonly log: Log
  readonly now: () => Date
}

export interface Attempt extends Wanted {
  /** What it is served with now. */
  readonly before: Certificate | null
}

export type Issue = (
  attempt: Attempt,
  progress: (line: string) => void,
  signal: AbortSignal,
) => Promise<FailedTry | null>

/** Milliseconds that an issuer has for one name. */
const longest = 300_000

/** Resolves with null when the name is served with the new certificate, else with what is known of the failure. */
export function createIssue(parts: IssueParts): Issue {
  const { store, challenges, preflight, journal, log, now } = parts

  async function obtain({ host, app }: Attempt, progress: (line: string) => void, signal: AbortSignal): Promise<void> {
    const { name: device, driver } = await parts.device()
    const names = [host]
    const answers = challenges.open()
    try {
      const pair = await driver.issue(names, answers, progress, AbortSignal.any([signal, AbortSignal.timeout(longest)]))
      const about = checked(pair, names, now())
      await store.certificates.put({ app, source: 'issued', device, names, ...about }, pair)
    } finally {
      await answers.end()
    }
    // What is stored is served in the end; when the proxy is away, as soon as it is back.
    await parts.refresh().catch((error) => log.warn('certificate.not-served', { host, cause: told(error).message }))
  }

  async function failed({ host, app, before }: Attempt, error: unknown, found: readonly string[]): Promise<FailedTry> {
    const failure = told(error)
    if (failure.code === 'internal') log.error('certificate.failed', error, { host })
    const last = (await store.certificates.tries()).find((one) => one.host === host)
    const attempts = (last?.attempts ?? 0) + 1
    const at = retriesAt(attempts, now(), jitterOf(`${host} ${attempts}`))
    const nextAt = error instanceof AskLater && new Date(error.at) > now() ? new Date(error.at) : at
    const problem = [failure.message, ...failure.detail].join(' ')
    const row = { host, attempts, failedAt: now().toISOString(), nextAt: nextAt.toISOString(), problem, found }
    await store.certificates.failed(row)
    if (last?.problem !== problem) {
      const what = before
        ? `could not be renewed; the old one, valid until ${before.notAfter}, serves`
        : 'was not issued'
      const text = `The certificate of ${host} ${what}: ${problem}`
      journal.record({ ...(await about(app)), text, bad: true })
    }
    return row
  }

  async function about(id: string | null) {
    const app = id === null ? null : await store.apps.byId(id)
    return app ? ({ kind: 'app', app } as const) : ({ kind: 'device' } as const)
  }

  /** Nobody waits for what DNS has to say, unless the issuer refuses. */
  async function looked(host: string, progress: (line: string) => void): Promise<string[]> {
    const found = await preflight(host, (await parts.device()).issuer)
    for (const sentence of found) progress(sentence)
    return found
  }

  return async (attempt, progress, signal) => {
    const { host, app, before } = attempt
    const looking = looked(host, progress).catch((): string[] => [])
    try {
      await obtain(attempt, progress, signal)
      const text = `${host} has a ${before ? 'new ' : ''}certificate.`
      journal.record({ ...(await about(app)), text })
      return null
    } catch (error) {
      // Stopped with the kernel: nobody has refused anything.
      if (signal.aborted) throw error
      return await failed(attempt, error, await looking)
    }
  }
}

/** An issuer that answers with something else has refused. */
function checked(pair: Issued, names: readonly string[], now: Date) {
  const { leaf, names: covered, ...about } = describedChain(pair.chain)
  const missing = names.find((name) => !covered.includes(name))
  if (renewsAt({ ...about, renewal: null }, 0) <= now) {
    const message = `The certificate that was issued is for ${about.notBefore} to ${about.notAfter}, and would be due at once.`
    throw new UserError('refused', message, 'Is the clock of this server right?')
  }
  const problem = missing ? `is not for ${missing}` : fits(leaf, pair.key) ? null : 'does not belong to its key'
  if (problem) throw new UserError('refused', `The certificate that was issued ${problem}.`)
  return about
}

function fits(leaf: X509Certificate, key: string): boolean {
  return leaf.checkPrivateKey(createPrivateKey(key))
}
