/** What people do with certificates. What the kernel does by itself is in keeper.ts. */
import type { App } from '../domain/app.ts'
import type { Certificate, FailedTry } from '../domain/certificate.ts'
import { UserError } from '../errors.ts'
import type { Certificates, CertificatesParts, Progress, Tried, Which } from './contract.ts'
import { createOwnCertificates } from './own-certificates.ts'
import { planned } from './plan.ts'
import { type NameReport, reported } from './report.ts'
import { createSettings, issuingDevice } from './settings.ts'
import { type Wanted, wantedNames } from './wanted.ts'

export function createCertificates(parts: CertificatesParts): Certificates {
  const { store, devices, keeper, refresh, now } = parts
  const { certificates } = store
  /** A proxy that is away follows when it is back. */
  const follow = () => refresh().catch(() => {})

  async function look() {
    const [wanted, list, tries] = await Promise.all([wantedNames(store), certificates.list(), certificates.tries()])
    return { wanted, certificates: list, tries, now: now() }
  }

  async function report(app?: App): Promise<NameReport[]> {
    const [domains, apps, without] = await Promise.all([
      store.domains.list(),
      store.apps.list(),
      certificates.without(),
    ])
    return reported({ ...(await look()), domains, apps, without, only: app?.id ?? null })
  }

  async function issueAll(names: readonly Wanted[], all: readonly Certificate[], progress: Progress): Promise<Tried> {
    const got: string[] = []
    const failures: FailedTry[] = []
    for (const { host, app } of names) {
      const before = all.find((one) => one.app === app && one.source === 'issued' && one.names.includes(host)) ?? null
      progress(`-----> ${host}`)
      const failed = await keeper.issue({ host, app, before }, (line) => progress(`       ${line}`))
      if (failed === null) got.push(host)
      else failures.push(failed)
    }
    return { got, failed: failures }
  }

  /** Names of the app that the kernel cares for. Throws `not-found` for others. */
  async function chosen(app: App, hosts: readonly string[]): Promise<readonly Wanted[]> {
    const own = (await wantedNames(store)).filter((one) => one.app === app.id)
    const stranger = hosts.find((host) => !own.some((one) => one.host === host))
    if (stranger !== undefined) {
      throw new UserError(
        'not-found',
        `${app.name} gets no certificate for ${stranger} by itself.`,
        `Its names: certs:report ${app.name}`,
      )
    }
    return hosts.length === 0 ? own : own.filter(({ host }) => hosts.includes(host))
  }

  async function ofApp(app: App): Promise<Certificate[]> {
    return (await certificates.list()).filter((one) => one.app === app.id)
  }

  /** For these names, or for all. */
  async function pick(app: App, hosts: readonly string[], which: Which): Promise<Certificate[]> {
    const all = (await ofApp(app)).filter(({ source }) => (source === 'issued') === (which === 'issued'))
    const some = all.filter(({ names }) => hosts.length === 0 || names.some((name) => hosts.includes(name)))
    if (some.length > 0) return some
    const what = which === 'issued' ? 'that was issued' : 'of its own'
    throw new UserError(
      'not-found',
      `${app.name} has no such certificate ${what}.`,
      `See them: certs:report ${app.name}`,
    )
  }

  return {
    report,
    async enable(app, progress) {
      await certificates.setWithout(app.id, false)
      const { wanted, certificates: all, ...rest } = await look()
      const missing = planned({ wanted, certificates: all, ...rest, tries: [] })
      keeper.wake()
      return issueAll(
        missing.filter((one) => one.app === app.id && one.before === null),
        all,
        progress,
      )
    },
    async disable(app) {
      await certificates.setWithout(app.id, true)
      const issued = (await ofApp(app)).filter(({ source }) => source === 'issued')
      await certificates.remove(
        app.id,
        issued.map(({ part }) => part),
      )
      await certificates.forgetTries((await store.domains.ofApp(app.id)).map(({ host }) => host))
      await follow()
    },
    async renew(app, hosts, progress) {
      const known = await look()
      const due = planned(known).filter(({ at }) => at <= known.now)
      return issueAll(app === null ? due : await chosen(app, hosts), known.certificates, progress)
    },
    async revoke(app, hosts, progress) {
      const some = await pick(app, hosts, 'issued')
      for (const { part, device, names } of some) {
        progress(`-----> Revoking the certificate of ${names.join(', ')}`)
        const driver = await devices.certificate(device ?? (await issuingDevice(store)).name)
        await driver.revoke(await certificates.pair(part), AbortSignal.timeout(60_000))
      }
      const own = (await wantedNames(store)).filter((one) => one.app === app.id)
      const again = own.filter(({ host }) => some.some(({ names }) => names.includes(host)))
      const tried = await issueAll(again, some, progress)
      // Clients trust it no longer: plain text is not better, but says so.
      await certificates.remove(
        app.id,
        some.map(({ part }) => part),
      )
      await follow()
      keeper.wake()
      return tried
    },
    concerned: async (app, hosts, which) => (await pick(app, hosts, which)).flatMap(({ names }) => names),
    ...createOwnCertificates({ ...parts, ofApp, pick }),
    ...createSettings({ store, devices, wake: keeper.wake }),
    async show(app, host) {
      const named = (await report(app)).filter((one) => host === null || one.host === host)
      const found = named.find(({ certificate }) => certificate !== null)?.certificate
      if (found) return certificates.pair(found.part)
      throw new UserError('not-found', `${host ?? app.name} has no certificate.`, `Get one: certs:enable ${app.name}`)
    },
  }
}
