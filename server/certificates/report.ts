/** How HTTPS is at each name, as people ask for it. Pure. */
import type { App } from '../domain/app.ts'
import { bestFor, type Certificate, type FailedTry, isPublic, isValid } from '../domain/certificate.ts'
import { type Domain, holders } from '../domain/route.ts'
import { type PlanInput, planned } from './plan.ts'

export interface NameReport {
  readonly host: string
  /** Name of the app; null: the server itself. */
  readonly app: string | null
  /**
   * `served` · `expired`: served with one that clients refuse · `waiting`: for its first one · `failed`: it got none · `off`:
   * the app does without · `local`: no issuer can prove such a name.
   */
  readonly state: 'served' | 'expired' | 'waiting' | 'failed' | 'off' | 'local'
  /** Of what it is served with; null: nothing. */
  readonly certificate: Certificate | null
  /** When the kernel gets the next one; null: never by itself. */
  readonly next: string | null
  /** Of the last try, if it failed. */
  readonly failed: FailedTry | null
}

export interface ReportInput extends PlanInput {
  readonly domains: readonly Domain[]
  readonly apps: readonly App[]
  /** Ids of the apps that do without. */
  readonly without: readonly string[]
  /** Id of the only app to be told of; null: all, and the server itself. */
  readonly only: string | null
}

export function reported(input: ReportInput): NameReport[] {
  const { wanted, certificates, tries, now, domains, apps, without, only } = input
  const names = new Map(apps.map(({ id, name }) => [id, name]))
  const next = new Map(planned(input).map(({ host, at }) => [host, at.toISOString()]))
  const failures = new Map(tries.map((one) => [one.host, one]))
  const own = wanted.filter(({ app }) => app === null)
  const all = [...own, ...[...holders(domains)].map(([host, app]) => ({ host, app }))]
  return all
    .filter(({ app }) => only === null || app === only)
    .map(({ host, app }): NameReport => {
      const certificate = bestFor(host, app, certificates, now) ?? null
      const failed = failures.get(host) ?? null
      const served = certificate && (isValid(certificate, now) ? 'served' : 'expired')
      const missing = !isPublic(host)
        ? 'local'
        : app !== null && without.includes(app)
          ? 'off'
          : failed
            ? 'failed'
            : 'waiting'
      const name = app === null ? null : (names.get(app) ?? app)
      return { host, app: name, state: served ?? missing, certificate, next: next.get(host) ?? null, failed }
    })
}
