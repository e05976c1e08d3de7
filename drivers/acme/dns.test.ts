/** Proofs by DNS: what a killed kernel leaves, and what a person is told when nobody writes the records. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freshName, never } from '../conformance/certificate-world.ts'
import { type AcmeByBind, acmeByBind, acmeByWebhook } from './acme-for-test.ts'
import { createDriver } from './index.ts'
import { createRecords } from './records.ts'
import { readSettings } from './settings.ts'

describe('by RFC 2136', () => {
  let it: AcmeByBind

  beforeAll(async () => {
    it = await acmeByBind()
  })
  afterAll(() => it?.remove())

  const driverWith = (settings: Readonly<Record<string, string>>, secrets: Readonly<Record<string, string>> = {}) => {
    const get = async (name: string) => secrets[name] ?? it.host.kept.get(name) ?? null
    const host = { ...it.host, settings: { ...it.host.settings, ...settings } }
    return createDriver({ ...host, secrets: { ...it.host.secrets, get } })
  }
  const issueWith = (settings: Readonly<Record<string, string>>, secrets?: Readonly<Record<string, string>>) =>
    driverWith(settings, secrets).issue([freshName()], it.answers, () => {}, never)

  test('what a killed kernel has left in the zone is taken away by the next order', async () => {
    const { dns } = readSettings(it.host.settings)
    if (dns === null) throw new Error('there is no DNS')
    await createRecords(it.host, dns).add({ name: '_acme-challenge.left.example.com', value: 'left' }, never)
    expect(await it.proofs()).toHaveLength(1)
    await createDriver(it.host).issue([freshName()], it.answers, () => {}, never)
    expect(await it.proofs()).toEqual([])
  })

  test('a record that could not be taken away is, as soon as the server lets us', async () => {
    const { dns } = readSettings(it.host.settings)
    if (dns?.by !== 'rfc2136') throw new Error('there is no DNS')
    const record = { name: '_acme-challenge.stuck.example.com', value: 'stuck' }
    await createRecords(it.host, dns).add(record, never)
    await createRecords(it.host, { ...dns, port: 1 }).remove(record)
    expect(await it.proofs()).toHaveLength(1)
    expect(it.written()).toContain('acme.record-left')
    await createRecords(it.host, dns).tidy()
    expect(await it.proofs()).toEqual([])
  })

  test('a name and all names below it are proven at the same time, by two records of one name', async () => {
    const name = freshName()
    const lines: string[] = []
    await it.driver.issue([name, `*.${name}`], it.answers, (line) => lines.push(line), never)
    expect(lines).toContain(`Proving ${name} by dns-01`)
    expect(lines).toContain(`Proving *.${name} by dns-01`)
  })

  test.each([
    ['a key with another secret', {}, { tsig: 'c29tZXRoaW5nIGVsc2U=' }, 'does not take our key', 'refused'],
    ['a key of another name', { 'tsig-name': 'other' }, {}, 'does not take our key', 'refused'],
    ['another algorithm', { 'tsig-algorithm': 'hmac-sha512' }, {}, 'does not take our key', 'refused'],
    ['a secret that is none', {}, { tsig: 'x\nserver evil' }, 'is missing, or is not base64', 'usage'],
    ['a server that is not there', { 'dns-server': '127.0.0.1:1' }, {}, 'did not take a record: ', 'unavailable'],
  ])('%s is told apart', async (_, settings, secrets, sentence, code) => {
    await expect(issueWith(settings, secrets)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(sentence),
    })
    await driverWith({}).issue([freshName()], it.answers, () => {}, never)
    expect(await it.proofs()).toEqual([])
  })

  test('a name in no zone of the server is refused by its name', async () => {
    const asked = it.driver.issue(['blog.example.org'], it.answers, () => {}, never)
    await expect(asked).rejects.toThrow(/^The DNS server .* has no zone for _acme-challenge.blog.example.org.$/)
  })
})

test('a webhook that does not know us, that writes something else or does not answer, is named with the reason', async () => {
  const it = await acmeByWebhook()
  const issueWith = (settings: Readonly<Record<string, string>>, secret: string | null) =>
    createDriver({
      ...it.host,
      settings: { ...it.host.settings, ...settings },
      secrets: { ...it.host.secrets, get: async (name) => (name === 'webhook' ? secret : it.host.secrets.get(name)) },
    }).issue([freshName()], it.answers, () => {}, never)
  await expect(issueWith({}, 'wrong')).rejects.toThrow(/^The webhook at 127.*answers 401 for _acme-.*: who are you\?$/)
  await expect(issueWith({}, null)).rejects.toThrow('The secret of the webhook is missing.')
  const name = freshName()
  await it.issuer.mislead(name)
  const misled = it.driver.issue([name], it.answers, () => {}, never)
  await expect(misled).rejects.toThrow(`${name} could not be proven: Correct value not found for DNS challenge`)
  const down = { webhook: 'http://127.0.0.1:9/' }
  await expect(issueWith(down, 'any')).rejects.toThrow(/^The webhook at 127.0.0.1:9 does not answer: /)
  expect(await it.proofs()).toEqual([])
  await it.remove()
})
