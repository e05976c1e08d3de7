/** The parts together, with a proxy and an issuer that only remember. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { signItself } from '../../drivers/self-signed/certificate.ts'
import type { CertificateDriver } from '../devices/classes/certificate.ts'
import type { Devices } from '../devices/devices.ts'
import type { RouteTable } from '../domain/route.ts'
import { createRoutes } from '../route/routes.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { openCertificates } from './certificates.ts'

let started: TestStore
let stopping: AbortController
let table: RouteTable | null
/** What the issuer found at the proxy when it looked for its proof. */
let proofs: unknown[]

beforeEach(async () => {
  started = await startStore('sqlite')
  ;[stopping, table, proofs] = [new AbortController(), null, []]
})
afterEach(async () => {
  stopping.abort()
  await started.stop()
})

async function open() {
  const { store, config } = started
  const device = { name: 'acme', driver: 'acme', class: 'certificate', node: 'local', as: 'built-in' } as const
  await store.devices.add({ ...device, version: null, state: 'ready', settings: {} })
  const app = (await store.apps.create('blog', 'ann')).id
  const acme: Partial<CertificateDriver> = {
    issue: async (names, { show }) => {
      await show('token', 'answer')
      proofs.push(table?.challenges)
      return signItself(names, 90)
    },
    renewal: async () => null,
  }
  const proxy = {
    apply: async (given: RouteTable) => {
      table = given
      return 'mark'
    },
    status: async () => ({ running: true, table: 'mark' }),
  } as never
  const challenges = new Map<string, string>()
  const routes = createRoutes({
    ...store,
    ...config,
    challenges,
    openLinks: async () => [],
    proxy: () => proxy,
    log: quiet,
  })
  const devices = { certificate: async () => acme } as unknown as Devices
  const journal = { record() {} }
  const opened = openCertificates({ config, store, devices, routes, challenges, journal, log: quiet })
  return { ...opened, routes, app }
}

test('a kernel that starts asks an issuer only once the proxy can show it a proof', async () => {
  const { routes, app, keepCertificates } = await open()
  await started.store.domains.set(app, ['blog.example.com'])
  const kept = keepCertificates(stopping.signal)
  await routes.refresh()
  expect(proofs).toEqual([])
  await routes.switchAll({})
  await expect.poll(() => table?.hosts['blog.example.com']?.secure).toBe(true)
  expect(proofs).toEqual([{ token: 'answer' }])
  stopping.abort()
  await kept
  routes.stop()
})

test('names that change get their certificates at once, and the proof is taken away', async () => {
  const { routes, app, following, keepCertificates } = await open()
  await routes.switchAll({})
  const kept = keepCertificates(stopping.signal)
  await started.store.domains.set(app, ['blog.example.com'])
  await following.refresh()
  await expect.poll(() => table?.hosts['blog.example.com']?.secure).toBe(true)
  await expect.poll(() => table?.challenges).toBeUndefined()
  stopping.abort()
  await kept
  routes.stop()
})

test('a kernel that is stopped before it has begun to serve does not wait', async () => {
  const { keepCertificates } = await open()
  const kept = keepCertificates(stopping.signal)
  stopping.abort()
  await kept
})
