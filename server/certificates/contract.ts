/** What people may do with certificates, and what that is done with. */
import type { Devices } from '../devices/devices.ts'
import type { App } from '../domain/app.ts'
import type { FailedTry } from '../domain/certificate.ts'
import type { Store } from '../state/store.ts'
import type { Keeper } from './keeper.ts'
import type { NameReport } from './report.ts'

export type Progress = (line: string) => void

export interface Certificates {
  /** Each name of an app, or of all with those of the server itself. */
  report(app?: App): Promise<NameReport[]>
  /** Gets them by itself from now on. Tries those that have none at once, and resolves when each was tried. */
  enable(app: App, progress: Progress): Promise<Tried>
  /** Nothing by itself from now on; what was issued goes, what somebody brought stays. */
  disable(app: App): Promise<void>
  /** New ones, for these names of an app or for all that it has by itself; null: for whatever is due. */
  renew(app: App | null, hosts: readonly string[], progress: Progress): Promise<Tried>
  /** Declared invalid by its issuer. Where names are served by themselves, new ones follow at once. */
  revoke(app: App, hosts: readonly string[], progress: Progress): Promise<Tried>
  /** In the place of what it had for these names. Throws `refused`, saying why. */
  add(app: App, text: string): Promise<Added>
  /** One that signs itself. */
  generate(app: App, host: string, progress: Progress): Promise<Added>
  /** What somebody brought, or what signs itself: for these names, or all. */
  remove(app: App, hosts: readonly string[]): Promise<readonly string[]>
  /** The names that `revoke` (issued) or `remove` (own) would take certificates from. Throws `not-found` as they do. */
  concerned(app: App, hosts: readonly string[], which: Which): Promise<readonly string[]>
  /** PEM of what the app serves: for this name, or the first that has one. */
  show(app: App, host: string | null): Promise<{ readonly chain: string; readonly key: string }>
  /** A setting of the device that names are issued by; an empty value resets it. Throws `usage`. */
  configure(property: string, value: string, signal: AbortSignal): Promise<void>
  /** A secret of that device; an empty one is forgotten. */
  keepSecret(name: string, value: string): Promise<void>
}

/** Those that an issuer signed, or those that somebody brought or that sign themselves. */
export type Which = 'issued' | 'own'

export interface Tried {
  readonly got: readonly string[]
  readonly failed: readonly FailedTry[]
}

export interface Added {
  readonly names: readonly string[]
  readonly notAfter: string
  /** Public names of the app that it does not cover. */
  readonly uncovered: readonly string[]
  /** The proxy does not answer now, and serves it when it is back. */
  readonly late: boolean
}

export interface CertificatesParts {
  readonly store: Pick<Store, 'certificates' | 'domains' | 'devices' | 'deviceSecrets' | 'settings' | 'apps'>
  readonly devices: Pick<Devices, 'certificate' | 'forget'>
  readonly keeper: Pick<Keeper, 'issue' | 'wake'>
  readonly refresh: () => Promise<void>
  readonly now: () => Date
}
