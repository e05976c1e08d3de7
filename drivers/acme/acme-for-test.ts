/** The driver with a real CA, in the three ways that it can prove a name: the web, a real BIND, and somebody's webhook. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { ChallengeAnswers } from '../../server/devices/classes/certificate.ts'
import type { ExecOptions } from '../../server/devices/driver.ts'
import { createNodeCalls } from '../../server/devices/host-node.ts'
import { createLog } from '../../server/log.ts'
import { hostFor, type TestHost } from '../conformance/archive-host.ts'
import type { IssuerUnderTest } from '../conformance/certificate-under-test.ts'
import { heartOf, leafOf } from '../conformance/certificate-world.ts'
import { type BindForTest, startBind } from './bind-for-test.ts'
import { createDriver } from './index.ts'
import { type PebbleOptions, startNames, startPebble, type TestPebble } from './pebble-for-test.ts'
import { startWeb, type TestWeb } from './web-for-test.ts'
import { startWebhook } from './webhook-for-test.ts'

export interface AcmeUnderTest extends IssuerUnderTest {
  readonly host: TestHost
  readonly pebble: TestPebble
}

export interface AcmeByWeb extends AcmeUnderTest {
  readonly web: TestWeb
}

export interface AcmeByBind extends AcmeUnderTest {
  readonly bind: BindForTest
}

type Options = Partial<Pick<PebbleOptions, 'badNonces' | 'externalAccounts'>>

export async function acmeByWeb(options: Options = {}): Promise<AcmeByWeb> {
  const [names, web] = [await startNames(), await startWeb()]
  const pebble = await startPebble({ ...options, httpPort: web.port, dns: names.address })
  const under = await underTest(pebble, {}, {})
  return {
    ...under,
    ...{ web, answers: web, wildcards: false, proofs: async () => web.shown() },
    // Nobody listens there.
    issuer: { ...under.issuer, mislead: (name) => names.send(name, '127.0.0.2') },
    remove: async () => {
      for (const part of [under, names, web]) await part.remove()
    },
  }
}

export async function acmeByBind(): Promise<AcmeByBind> {
  const bind = await startBind('example.com')
  const pebble = await startPebble({ httpPort: 1, dns: bind.address })
  const settings = { challenge: 'dns', dns: 'rfc2136', 'dns-server': bind.address, 'tsig-name': bind.keyName }
  const under = await underTest(pebble, settings, { tsig: bind.secret })
  return {
    ...under,
    ...{ bind, proofs: bind.records },
    issuer: { ...under.issuer, mislead: bind.delegate },
    remove: async () => {
      for (const part of [under, bind]) await part.remove()
    },
  }
}

export async function acmeByWebhook(): Promise<AcmeUnderTest> {
  const names = await startNames()
  const webhook = await startWebhook(names)
  const pebble = await startPebble({ httpPort: 1, dns: names.address })
  const under = await underTest(pebble, { dns: 'webhook', webhook: webhook.url }, { webhook: webhook.secret })
  return {
    ...under,
    proofs: async () => webhook.records(),
    issuer: { ...under.issuer, mislead: async (name) => webhook.lieAbout(name) },
    remove: async () => {
      for (const part of [under, webhook, names]) await part.remove()
    },
  }
}

const nobody: ChallengeAnswers = {
  show: () => Promise.reject(new Error('nothing is shown on the web when names are proven by DNS')),
  withdraw: async () => {},
}

async function underTest(
  pebble: TestPebble,
  settings: Readonly<Record<string, string>>,
  secrets: Readonly<Record<string, string>>,
): Promise<AcmeUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-acme-'))
  const logged: string[] = []
  const plain = await hostFor(join(folder, 'device'), {
    ...{ ...pebble.settings, as: 'adopted', email: 'me@example.com' },
    ...settings,
  })
  const real = createNodeCalls('acme', { home: folder, program: dirname(dirname(import.meta.dirname)) })
  const exec = (options: ExecOptions) => {
    plain.started.push(options.command.join(' '))
    return real.exec(options)
  }
  const host = { ...plain, node: { ...real, exec }, log: createLog((line) => logged.push(line)) }
  for (const [name, value] of Object.entries(secrets)) await host.secrets.set(name, value)
  return {
    ...{ host, pebble, answers: nobody, wildcards: true },
    driver: createDriver(host),
    trust: () => pebble.root(),
    proofs: async () => [],
    written: () => [...host.started, ...logged].join('\n'),
    secrets: async () => {
      const accounts: { key: string }[] = Object.values(JSON.parse(host.kept.get('.accounts') ?? '{}'))
      return [...accounts.map(({ key }) => heartOf(key)), ...Object.values(secrets)]
    },
    issuer: {
      revoked: async (issued) => (await pebble.status(leafOf(issued).serialNumber)) === 'Revoked',
      mislead: async () => {},
      kill: pebble.kill,
      start: pebble.start,
    },
    async remove() {
      await pebble.remove()
      await rm(folder, { recursive: true })
    },
  }
}
