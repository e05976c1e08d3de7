/** Joins certificates with the devices that issue them and with the routes that serve them. */
import { once } from 'node:events'
import { createCertificates } from '../certificates/certificates.ts'
import { createChallenges } from '../certificates/challenges.ts'
import type { Certificates } from '../certificates/contract.ts'
import { createIssue } from '../certificates/issue.ts'
import { caaOf } from '../certificates/issuer.ts'
import { createKeeper } from '../certificates/keeper.ts'
import { createPreflight } from '../certificates/preflight.ts'
import { issuingDevice } from '../certificates/settings.ts'
import type { Config } from '../config.ts'
import type { Devices } from '../devices/devices.ts'
import type { Journal } from '../events/journal.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'

export interface CertificateWorld {
  readonly config: Config
  readonly store: Store
  readonly devices: Devices
  readonly routes: Following & { readonly started: Promise<void> }
  /** What the routes show to issuers. */
  readonly challenges: Map<string, string>
  readonly journal: Pick<Journal, 'record'>
  readonly log: Log
}

/** Routes that are told when names have changed. */
export interface Following {
  refresh(): Promise<void>
  forget(app: string): Promise<void>
}

export interface OpenedCertificates {
  readonly certificates: Certificates
  /** The same routes; names that change there get their certificates. */
  readonly following: Following
  /** Gets what is wanted and renews what is due, until `signal` aborts. */
  keepCertificates(signal: AbortSignal): Promise<void>
}

export function openCertificates({ config, store, devices, routes, ...world }: CertificateWorld): OpenedCertificates {
  const { journal, log } = world
  const now = () => new Date()
  const { refresh } = routes
  const challenges = createChallenges(world.challenges, refresh)
  const driver = (name: string) => devices.certificate(name)
  const device = async () => {
    const { name, settings } = await issuingDevice(store)
    return { name, driver: await driver(name), issuer: { caa: caaOf(String(settings.server ?? '')) } }
  }
  const preflight = createPreflight({ config })
  const issue = createIssue({ store, device, challenges, preflight, refresh, journal, log, now })
  const keeper = createKeeper({ store, issue, driver, log, now })
  const woken = <A extends unknown[]>(act: (...args: A) => Promise<void>) => {
    return (...args: A) => act(...args).finally(() => keeper.wake())
  }
  return {
    certificates: createCertificates({ store, devices, keeper, refresh, now }),
    following: { refresh: woken(refresh), forget: woken(routes.forget) },
    async keepCertificates(signal) {
      // Before that an issuer would find no proof.
      await Promise.race([routes.started, once(signal, 'abort')])
      await keeper.keep(signal)
    },
  }
}
