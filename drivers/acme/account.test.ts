/** The account at the CA, and the CA's own word on when to renew. */
import { webcrypto } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import * as x509 from '@peculiar/x509'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshName, never } from '../conformance/certificate-world.ts'
import { type AcmeByWeb, acmeByWeb } from './acme-for-test.ts'
import { type Front, startFront } from './front-for-test.ts'
import { createDriver } from './index.ts'
import { openLine } from './line.ts'

const external = { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }
let it: AcmeByWeb
let front: Front

beforeAll(async () => {
  it = await acmeByWeb()
  front = await startFront(it.pebble)
})
afterAll(async () => {
  await front?.remove()
  await it?.remove()
})

const accounts = () => JSON.parse(it.host.kept.get('.accounts') ?? '{}') as Record<string, { key: string; url: string }>
const account = () => accounts()[it.pebble.settings.server]

test('the account is made once, by whoever comes first of several, and is the same one after a restart', async () => {
  const get = async (name: string) => {
    // A store that takes its time.
    await pause(50)
    return it.host.secrets.get(name)
  }
  const driver = createDriver({ ...it.host, secrets: { ...it.host.secrets, get } })
  await Promise.all([1, 2, 3].map(() => driver.issue([freshName()], it.answers, () => {}, never)))
  const first = account()
  await createDriver(it.host).issue([freshName()], it.answers, () => {}, never)
  expect(account()).toEqual(first)
  expect(it.pebble.log().match(/There are now \d+ accounts/g)).toEqual(['There are now 1 accounts'])
})

test('a kernel killed before it noted the account finds the same one again', async () => {
  const first = account()
  const noted = { ...accounts(), [it.pebble.settings.server]: { key: first?.key, url: null } }
  await it.host.secrets.set('.accounts', JSON.stringify(noted))
  await createDriver(it.host).issue([freshName()], it.answers, () => {}, never)
  expect(account()).toEqual(first)
})

test('another CA is another account, and the first one is kept', async () => {
  const first = account()
  const elsewhere = createDriver({ ...it.host, settings: { ...it.host.settings, ...front.settings } })
  await elsewhere.check(never)
  expect(accounts()[front.settings.server]?.key).not.toBe(first?.key)
  expect(account()).toEqual(first)
})

test('what was issued to another account can be revoked all the same', async () => {
  const made = await it.driver.issue([freshName()], it.answers, () => {}, never)
  await it.host.secrets.set('.accounts', null)
  await createDriver(it.host).revoke(made, never)
  expect(await it.issuer.revoked(made)).toBe(true)
})

test('a CA that wants to know its customers says so, and takes those whose key it has given out', async () => {
  const closed = await acmeByWeb({ externalAccounts: external })
  const driverWith = (settings: Readonly<Record<string, string>>) =>
    createDriver({ ...closed.host, settings: { ...closed.host.settings, ...settings } })
  await expect(driverWith({}).check(never)).rejects.toMatchObject({
    code: 'refused',
    hint: expect.stringContaining('eab-kid=KEY-ID'),
  })
  const known = driverWith({ 'eab-kid': 'kid-1' })
  await expect(known.check(never)).rejects.toThrow('The key of the external account kid-1 is missing.')
  await closed.host.secrets.set('eab', Buffer.from('something else').toString('base64url'))
  await expect(known.check(never)).rejects.toMatchObject({ code: 'refused' })
  await closed.host.secrets.set('eab', external['kid-1'])
  await known.check(never)
  await known.issue([freshName()], closed.answers, () => {}, never)
  expect(closed.written()).not.toContain(external['kid-1'])
  await closed.remove()
})

test('a CA that says when to renew is asked by the key of the issuer and the serial number, as in RFC 9773', async () => {
  const driver = createDriver({ ...it.host, settings: { ...it.host.settings, ...front.settings } })
  const chain = await certificateOfTheStandard()
  expect(await driver.renewal(chain, never)).toBeNull()
  const line = await openLine(front.settings.ca, never)
  const { data } = await line.send('GET', front.settings.server)
  line.close()
  const renewalInfo = front.settings.server.replace('/dir', '/renewal-info')
  front.answer('/dir', { body: { ...(data as object), renewalInfo } })
  const suggestedWindow = { start: '2026-12-01T02:00:00+02:00', end: '2026-12-02T00:00:00Z' }
  front.answer('/renewal-info/aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE', { body: { suggestedWindow } })
  const window = { from: '2026-12-01T00:00:00.000Z', until: '2026-12-02T00:00:00.000Z' }
  expect(await driver.renewal(chain, never)).toEqual(window)
  const another = await driver.issue([freshName()], it.answers, () => {}, never)
  expect(await driver.renewal(another.chain, never)).toBeNull()
  front.answer('/renewal-info', { body: { suggestedWindow: { start: 'soon' } } })
  await expect(driver.renewal(another.chain, never)).rejects.toMatchObject({ code: 'unavailable' })
})

/** With the two numbers of the example in section 4.1. */
async function certificateOfTheStandard(): Promise<string> {
  const curve = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
  const keys = await webcrypto.subtle.generateKey(curve, true, ['sign', 'verify'])
  const made = await x509.X509CertificateGenerator.createSelfSigned({
    ...{ keys, signingAlgorithm: curve, serialNumber: '0087654321' },
    extensions: [new x509.AuthorityKeyIdentifierExtension('69885b6b87464041e1b37b847ba0ae2cde01c8d4')],
  })
  return made.toString('pem')
}
