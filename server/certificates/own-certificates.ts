/** Certificates that somebody brings or that sign themselves. */
import type { Issued } from '../devices/classes/certificate.ts'
import type { App } from '../domain/app.ts'
import { type Certificate, isFor, isPublic } from '../domain/certificate.ts'
import { told, UserError } from '../errors.ts'
import { describedChain } from './chain.ts'
import type { Added, Certificates, CertificatesParts, Which } from './contract.ts'
import { ownPair } from './own-pair.ts'

type Source = Pick<Certificate, 'source' | 'device'>

/** The device that they sign themselves by. */
const signing = 'self-signed'

/** Of its own that an app may have: what the proxy holds is shared by all apps. */
const most = 100

export interface OwnParts extends CertificatesParts {
  ofApp(app: App): Promise<Certificate[]>
  pick(app: App, hosts: readonly string[], which: Which): Promise<Certificate[]>
}

export function createOwnCertificates(parts: OwnParts): Pick<Certificates, 'add' | 'generate' | 'remove'> {
  const { store, devices, keeper, refresh, now, ofApp, pick } = parts
  const { certificates } = store

  async function keep(app: App, pair: Issued, from: Source): Promise<Added> {
    const { leaf: _, ...about } = describedChain(pair.chain)
    const hosts = (await store.domains.ofApp(app.id)).map(({ host }) => host)
    const isCovered = (host: string) => isFor(about, host)
    if (!hosts.some(isCovered)) {
      const message = `It is for ${about.names.join(', ')}, and ${app.name} answers at ${hosts.join(', ')}.`
      throw new UserError('refused', message, `Add the domain first: domains:add ${app.name} ${about.names[0]}`)
    }
    const had = (await ofApp(app)).filter(({ source }) => source === from.source)
    const replaced = had.filter(({ names }) => names.every((name) => about.names.includes(name)))
    if (had.length - replaced.length >= most)
      throw new UserError(
        'refused',
        `${app.name} has ${most} certificates of its own already.`,
        `Take some away: certs:remove ${app.name} <domain>`,
      )
    const before = await Promise.all(
      replaced.map(async (one) => ({ certificate: one, pair: await certificates.pair(one.part) })),
    )
    const part = await certificates.put({ app: app.id, ...from, ...about }, pair)
    const late = await served(async () => {
      await certificates.remove(app.id, [part])
      for (const one of before) await certificates.put(one.certificate, one.pair)
    })
    keeper.wake()
    const uncovered = hosts.filter((host) => isPublic(host) && !isCovered(host))
    return { names: about.names, notAfter: about.notAfter, uncovered, late }
  }

  /** True when the proxy is away, and follows later. One that it refuses is taken back, so that no other change waits for it. */
  async function served(takeBack: () => Promise<void>): Promise<boolean> {
    try {
      await refresh()
      return false
    } catch (error) {
      if (told(error).code !== 'refused') return true
      await takeBack()
      await refresh().catch(() => {})
      throw error
    }
  }

  return {
    add: async (app, text) => keep(app, ownPair(text, now()), { source: 'uploaded', device: null }),
    async generate(app, host, progress) {
      const better = (await ofApp(app)).find((one) => one.source !== 'self-signed' && one.names.includes(host))
      if (better && new Date(better.notAfter) > now()) {
        const message = `${host} is served with a certificate that clients trust: of ${better.issuer}, until ${better.notAfter.slice(0, 10)}.`
        const first = better.source === 'issued' ? `certs:disable ${app.name}` : `certs:remove ${app.name} ${host}`
        throw new UserError('conflict', message, `To have one that signs itself instead, first: ${first}`)
      }
      const driver = await devices.certificate(signing)
      const answers = { show: async () => {}, withdraw: async () => {} }
      const pair = await driver.issue([host], answers, progress, AbortSignal.timeout(60_000))
      return keep(app, pair, { source: 'self-signed', device: signing })
    },
    async remove(app, hosts) {
      const some = await pick(app, hosts, 'own')
      const parts = some.map(({ part }) => part)
      await certificates.remove(app.id, parts)
      await refresh().catch(() => {})
      keeper.wake()
      return some.flatMap(({ names }) => names)
    },
  }
}
