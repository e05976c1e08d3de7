/** What people may do with certificates, on a real store; the issuer signs whatever it is asked to, or refuses. */
import { X509Certificate } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { signItself } from '../../drivers/self-signed/certificate.ts'
import { createDriver as selfSigned } from '../../drivers/self-signed/index.ts'
import type { CertificateDriver } from '../devices/classes/certificate.ts'
import type { App } from '../domain/app.ts'
import { UserError } from '../errors.ts'
import { usersOf } from '../open/devices.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { createCertificates } from './certificates.ts'
import { createChallenges } from './challenges.ts'
import type { Certificates } from './contract.ts'
import { createIssue } from './issue.ts'
import { createKeeper } from './keeper.ts'
import { issuingDevice } from './settings.ts'

let started: TestStore
let blog: App
let shop: App
let certificates: Certificates
let revoked: string[]
let refusal: UserError | null
let checked: UserError | null
/** What the proxy says to a change. */
let unserved: UserError | null

const progress = () => {}
const now = () => new Date()
const serialOf = (chain: string) => new X509Certificate(chain).serialNumber

beforeEach(async () => {
  started = await startStore('sqlite')
  ;[revoked, refusal, checked, unserved] = [[], null, null, null]
  const { store } = started
  for (const name of ['acme', 'self-signed']) {
    const device = { name, driver: name, class: 'certificate', node: 'local', as: 'built-in' } as const
    await store.devices.add({ ...device, version: null, state: 'ready', settings: {} })
  }
  blog = await store.apps.create('blog', 'ann')
  shop = await store.apps.create('shop', 'ann')
  await store.domains.set(blog.id, ['example.com', 'www.example.com'])
  await store.domains.set(shop.id, ['shop.example.com'])
  const acme: CertificateDriver = {
    ...selfSigned(),
    check: async () => {
      if (checked) throw checked
    },
    issue: async (names) => {
      if (refusal) throw refusal
      return signItself(names, 90)
    },
    revoke: async ({ chain }) => void revoked.push(serialOf(chain)),
  }
  const driver = async (name: string) => {
    const { driver: code } = await store.devices.get(name)
    return code === 'acme' ? acme : selfSigned()
  }
  const refresh = async () => {
    if (unserved) throw unserved
  }
  const issue = createIssue({
    ...{ store, refresh, now, log: quiet },
    device: async () => ({ name: (await issuingDevice(store)).name, driver: acme, issuer: { caa: null } }),
    challenges: createChallenges(new Map(), refresh),
    preflight: async () => [],
    journal: { record() {} },
  })
  const keeper = createKeeper({ store, issue, driver, log: quiet, now })
  certificates = createCertificates({ store, devices: { certificate: driver, forget() {} }, keeper, refresh, now })
})
afterEach(() => started.stop())

const states = async (app = blog) =>
  Object.fromEntries((await certificates.report(app)).map(({ host, state }) => [host, state]))
const serials = async (app = blog) => {
  const parts = (await started.store.certificates.list()).filter((one) => one.app === app.id)
  return Promise.all(parts.map(async ({ part }) => serialOf((await started.store.certificates.pair(part)).chain)))
}

test('enabling gets what is missing, each name its own, and says what failed', async () => {
  expect(await states()).toEqual({ 'blog.localhost': 'local', 'example.com': 'waiting', 'www.example.com': 'waiting' })
  expect(await certificates.enable(blog, progress)).toEqual({ got: ['example.com', 'www.example.com'], failed: [] })
  expect(await states()).toMatchObject({ 'example.com': 'served', 'www.example.com': 'served' })
  expect((await certificates.enable(blog, progress)).got).toEqual([])
  refusal = new UserError('refused', 'Not this one.')
  expect(await certificates.enable(shop, progress)).toMatchObject({ failed: [{ problem: 'Not this one.' }] })
  expect(await states(shop)).toMatchObject({ 'shop.example.com': 'failed' })
})

test('without them by itself, what was issued is gone, what somebody brought stays, and other apps keep theirs', async () => {
  await certificates.enable(blog, progress)
  await certificates.enable(shop, progress)
  const { chain, key } = await signItself(['example.com'], 30)
  await certificates.add(blog, chain + key)
  await certificates.disable(blog)
  expect(await states()).toMatchObject({ 'example.com': 'served', 'www.example.com': 'off' })
  expect(await states(shop)).toMatchObject({ 'shop.example.com': 'served' })
  await certificates.enable(blog, progress)
  expect(await states()).toMatchObject({ 'www.example.com': 'served' })
})

test('a renewal replaces, and one that is refused leaves what serves', async () => {
  await certificates.enable(blog, progress)
  const before = await serials()
  expect((await certificates.renew(blog, ['example.com'], progress)).got).toEqual(['example.com'])
  const after = await serials()
  expect(after.filter((one) => before.includes(one))).toHaveLength(1)
  refusal = new UserError('refused', 'Not now.')
  expect((await certificates.renew(blog, [], progress)).failed).toHaveLength(2)
  expect(await serials()).toEqual(after)
  expect(await states()).toMatchObject({ 'example.com': 'served' })
  await expect(certificates.renew(blog, ['shop.example.com'], progress)).rejects.toMatchObject({ code: 'not-found' })
})

test('what is renewed without naming an app is only what is due', async () => {
  await certificates.enable(blog, progress)
  expect((await certificates.renew(null, [], progress)).got).toEqual(['shop.example.com'])
})

test('a revoked one is replaced at once; where none can be had, it is not served on', async () => {
  await certificates.enable(blog, progress)
  const before = await serials()
  expect((await certificates.revoke(blog, ['example.com'], progress)).got).toEqual(['example.com'])
  expect(before).toContain(revoked[0])
  expect(await serials()).not.toContain(revoked[0])
  expect(await serials()).toHaveLength(2)
  refusal = new UserError('refused', 'Not now.')
  expect((await certificates.revoke(blog, [], progress)).failed).toHaveLength(2)
  expect(await serials()).toEqual([])
  expect(revoked).toHaveLength(3)
  await expect(certificates.revoke(blog, [], progress)).rejects.toMatchObject({ code: 'not-found' })
})

test('one that is brought must be for a name of the app, and says which names it does not cover', async () => {
  const { chain, key } = await signItself(['example.com'], 30)
  expect(await certificates.add(blog, chain + key)).toMatchObject({
    names: ['example.com'],
    uncovered: ['www.example.com'],
  })
  await expect(certificates.add(shop, chain + key)).rejects.toMatchObject({
    code: 'refused',
    message: 'It is for example.com, and shop answers at shop.localhost, shop.example.com.',
  })
})

test('one that the proxy refuses is taken back, with what it took the place of; one that waits for the proxy stays', async () => {
  const pair = async () => {
    const { chain, key } = await signItself(['example.com'], 30)
    return chain + key
  }
  await certificates.add(blog, await pair())
  const before = await serials()
  unserved = new UserError('refused', 'It does not fit.')
  await expect(certificates.add(blog, await pair())).rejects.toBe(unserved)
  expect(await serials()).toEqual(before)
  unserved = new UserError('unavailable', 'The proxy does not answer.')
  expect(await certificates.add(blog, await pair())).toMatchObject({ late: true })
  expect(await serials()).not.toEqual(before)
})

test('what signs itself, and what was brought, can be shown and taken away', async () => {
  await certificates.generate(blog, 'blog.localhost', progress)
  expect(await states()).toMatchObject({ 'blog.localhost': 'served' })
  const { chain } = await certificates.show(blog, null)
  expect(new X509Certificate(chain).subjectAltName).toBe('DNS:blog.localhost')
  await expect(certificates.show(blog, 'example.com')).rejects.toMatchObject({ code: 'not-found' })
  await expect(certificates.generate(blog, 'shop.example.com', progress)).rejects.toMatchObject({ code: 'refused' })
  await certificates.enable(blog, progress)
  expect(await certificates.remove(blog, [])).toEqual(['blog.localhost'])
  expect(await states()).toMatchObject({ 'blog.localhost': 'local', 'example.com': 'served' })
  await expect(certificates.remove(blog, [])).rejects.toMatchObject({ code: 'not-found' })
})

test('an app has at most 100 certificates that sign themselves, and may exchange each of them', async () => {
  const { store } = started
  const hosts = Array.from({ length: 101 }, (_, n) => `n${n}.localhost`)
  await store.domains.set(blog.id, hosts)
  for (const host of hosts.slice(0, 100)) await certificates.generate(blog, host, progress)
  await expect(certificates.generate(blog, 'n100.localhost', progress)).rejects.toMatchObject({
    message: 'blog has 100 certificates of its own already.',
  })
  const { chain } = await certificates.show(blog, 'n7.localhost')
  await certificates.generate(blog, 'n7.localhost', progress)
  expect((await certificates.show(blog, 'n7.localhost')).chain).not.toBe(chain)
})

test('what clients trust is not put behind what signs itself, and a plan takes nothing', async () => {
  await certificates.enable(blog, progress)
  await expect(certificates.generate(blog, 'example.com', progress)).rejects.toMatchObject({
    code: 'conflict',
    hint: 'To have one that signs itself instead, first: certs:disable blog',
  })
  expect(await certificates.concerned(blog, ['example.com'], 'issued')).toEqual(['example.com'])
  await expect(certificates.concerned(blog, [], 'own')).rejects.toMatchObject({ code: 'not-found' })
  expect(revoked).toEqual([])
  expect(await states()).toMatchObject({ 'example.com': 'served' })
})

test('another device may issue, and what is set then is its own; one that issues nothing may not', async () => {
  const { store } = started
  const { signal } = new AbortController()
  const device = { name: 'ours', driver: 'acme', class: 'certificate', node: 'local', as: 'adopted' } as const
  await store.devices.add({ ...device, version: null, state: 'ready', settings: {} })
  await expect(certificates.configure('issuer', 'nobody', signal)).rejects.toMatchObject({ code: 'not-found' })
  await certificates.configure('issuer', 'ours', signal)
  await certificates.configure('email', 'ann@example.com', signal)
  expect((await store.devices.get('ours')).settings).toEqual({ email: 'ann@example.com' })
  expect(await usersOf('ours', store)).toEqual(['the setting certs:set issuer'])
  await certificates.enable(blog, progress)
  expect((await store.certificates.list()).map((one) => one.device)).toEqual(['ours', 'ours'])
  await certificates.configure('issuer', '', signal)
  expect(await usersOf('ours', store)).toEqual([])
})

test('a setting that the issuer does not take is not kept; one that does not answer now may be right', async () => {
  const settings = async () => (await started.store.devices.get('acme')).settings
  const { signal } = new AbortController()
  await certificates.configure('email', 'ann@example.com', signal)
  checked = new UserError('usage', 'No such server.')
  await expect(certificates.configure('server', 'x', signal)).rejects.toMatchObject({ code: 'usage' })
  expect(await settings()).toEqual({ email: 'ann@example.com' })
  checked = new UserError('unavailable', 'It does not answer.')
  await certificates.configure('server', 'https://ca.example.com/', signal)
  await certificates.configure('email', '', signal)
  expect(await settings()).toEqual({ server: 'https://ca.example.com/' })
})
