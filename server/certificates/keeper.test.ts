/** Certificates by themselves, with an issuer that does what a test tells it, and a clock that is set. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { signItself } from '../../drivers/self-signed/certificate.ts'
import { AskLater, type CertificateDriver } from '../devices/classes/certificate.ts'
import { UserError } from '../errors.ts'
import type { Happened } from '../events/journal.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { createChallenges } from './challenges.ts'
import { createIssue } from './issue.ts'
import { createKeeper, type Keeper } from './keeper.ts'

const day = 24 * 3_600_000
let started: TestStore
let app: string
let told: Happened[]
let issued: string[]
let refreshed: number
let shown: Map<string, string>
/** What the issuer does with each name. */
let behave: CertificateDriver['issue']
let renewal: CertificateDriver['renewal']
let stops: (() => Promise<void>)[]

beforeEach(async () => {
  started = await startStore('sqlite')
  const device = { name: 'acme', driver: 'acme', class: 'certificate', node: 'local', as: 'built-in' } as const
  await started.store.devices.add({ ...device, version: null, state: 'ready', settings: {} })
  app = (await started.store.apps.create('blog', 'ann')).id
  ;[told, issued, refreshed, shown, stops] = [[], [], 0, new Map(), []]
  vi.useFakeTimers({ toFake: ['Date'] })
  behave = async (names) => signItself(names, 90)
  renewal = async () => null
})
afterEach(async () => {
  for (const stop of stops) await stop()
  await started.stop()
  vi.useRealTimers()
})

function start(): { keeper: Keeper; stop: () => Promise<void> } {
  const { store } = started
  const driver = {
    renewal: (...args: Parameters<typeof renewal>) => renewal(...args),
    issue: async (...args: Parameters<typeof behave>) => {
      issued.push(args[0].join())
      return behave(...args)
    },
  } as unknown as CertificateDriver
  const refresh = async () => void refreshed++
  const now = () => new Date()
  const issue = createIssue({
    ...{ store, refresh, now, log: quiet },
    device: async () => ({ name: 'acme', driver, issuer: { caa: null } }),
    challenges: createChallenges(shown, refresh),
    preflight: async (host) => (host.startsWith('lost') ? [`${host} leads nowhere.`] : []),
    journal: { record: (one) => void told.push(one) },
  })
  const keeper = createKeeper({ store, issue, driver: async () => driver, log: quiet, now, longestPause: 5 })
  const stopping = new AbortController()
  const kept = keeper.keep(stopping.signal)
  const stop = async () => {
    stopping.abort()
    await kept
  }
  stops.push(stop)
  return { keeper, stop }
}

const domains = (...hosts: string[]) => started.store.domains.set(app, hosts)
const parts = async () => (await started.store.certificates.list()).map(({ part }) => part)
const soon = (count: number) => expect.poll(async () => (await parts()).length).toBe(count)
const later = (ms: number) => vi.setSystemTime(Date.now() + ms)
const settled = async () => pause(60)

test('a public name of an app gets a certificate, and names that nobody can prove are left alone', async () => {
  start()
  await domains('example.com', 'blog.test')
  await soon(1)
  expect(await started.store.certificates.list()).toMatchObject([{ app, names: ['example.com'], source: 'issued' }])
  await expect.poll(() => told).toMatchObject([{ kind: 'app', text: 'example.com has a certificate.' }])
  expect(refreshed).toBeGreaterThan(0)
  await settled()
  expect(issued).toEqual(['example.com'])
})

test('the names of the server itself get theirs once the global domain is public', async () => {
  await started.store.domains.setGlobal('apps.example.com')
  start()
  await expect
    .poll(() => [...issued].sort())
    .toEqual(['blog.apps.example.com', 'git.apps.example.com', 'panel.apps.example.com'])
})

test('an app that does without gets none', async () => {
  await domains('example.com')
  await started.store.certificates.setWithout(app, true)
  start()
  await settled()
  expect(issued).toEqual([])
})

test('with the clock moved past the window a new one is there, and nobody typed anything', async () => {
  start()
  await domains('example.com')
  await soon(1)
  const before = await parts()
  later(59 * day)
  await settled()
  expect(issued).toHaveLength(1)
  later(5 * day)
  await expect.poll(() => issued.length).toBe(2)
  await expect.poll(parts).not.toEqual(before)
  expect(await parts()).toHaveLength(1)
})

test('after it was stopped throughout the window, it renews when it starts', async () => {
  const { stop } = start()
  await domains('example.com')
  await soon(1)
  await stop()
  later(80 * day)
  start()
  await expect.poll(() => issued.length).toBe(2)
  await settled()
  expect(issued).toHaveLength(2)
})

test('when the issuer says when, that counts', async () => {
  renewal = async () => ({
    from: new Date(Date.now() + 10 * day).toISOString(),
    until: new Date(Date.now() + 11 * day).toISOString(),
  })
  start()
  await domains('example.com')
  await expect.poll(async () => (await started.store.certificates.list())[0]?.renewal?.from).toBeDefined()
  later(12 * day)
  await expect.poll(() => issued.length).toBe(2)
})

test('a renewal that fails leaves the old one, is told of once, and is tried again later and later', async () => {
  start()
  await domains('example.com')
  await soon(1)
  const before = await parts()
  behave = async () => {
    throw new UserError('unavailable', 'The CA does not answer.')
  }
  later(70 * day)
  const tries = async () => (await started.store.certificates.tries())[0]
  await expect.poll(async () => (await tries())?.attempts).toBe(1)
  later(30_000)
  await settled()
  expect(issued).toHaveLength(2)
  later(60_000)
  await expect.poll(async () => (await tries())?.attempts).toBe(2)
  expect(Date.parse((await tries())?.nextAt ?? '') - Date.now()).toBeGreaterThanOrEqual(120_000)
  expect(await parts()).toEqual(before)
  expect(told.filter(({ bad }) => bad)).toMatchObject([
    {
      kind: 'app',
      text: expect.stringMatching(
        /^The certificate of example.com could not be renewed; the old one, valid until .* serves: The CA does not answer\.$/,
      ),
    },
  ])
  behave = async (names) => signItself(names, 90)
  later(300_000)
  await expect.poll(parts).not.toEqual(before)
  expect(await tries()).toBeUndefined()
})

test('a name that fails hurts no other, and what may be the cause is kept', async () => {
  behave = async (names) => {
    if (names[0]?.startsWith('lost')) throw new UserError('refused', 'No such name.')
    return signItself(names, 90)
  }
  await domains('lost.example.com', 'example.com')
  start()
  await soon(1)
  await expect
    .poll(() => started.store.certificates.tries())
    .toMatchObject([{ host: 'lost.example.com', problem: 'No such name.', found: ['lost.example.com leads nowhere.'] }])
})

test('what failed is forgotten with the name', async () => {
  behave = async () => {
    throw new UserError('refused', 'No such name.')
  }
  await domains('example.com')
  const { keeper } = start()
  await expect.poll(() => started.store.certificates.tries()).toHaveLength(1)
  await domains()
  keeper.wake()
  await expect.poll(() => started.store.certificates.tries()).toEqual([])
})

test('what was issued for a name that is gone goes when it has ended; of a name that is there it stays', async () => {
  start()
  await domains('example.com', 'www.example.com')
  await soon(2)
  await domains('www.example.com')
  await started.store.certificates.setWithout(app, true)
  await settled()
  expect(await parts()).toHaveLength(2)
  later(91 * day)
  await expect
    .poll(async () => (await started.store.certificates.list()).map(({ names }) => names))
    .toEqual([['www.example.com']])
  await settled()
  expect(await parts()).toHaveLength(1)
})

test('an issuer that says when to come again is not asked before', async () => {
  const at = new Date(Date.now() + 3 * day).toISOString()
  behave = async () => {
    throw new AskLater('Too many.', at)
  }
  await domains('example.com')
  start()
  await expect.poll(async () => (await started.store.certificates.tries())[0]?.nextAt).toBe(at)
  later(2 * day)
  await settled()
  expect(issued).toHaveLength(1)
})

test('a certificate for something else is refused, and nothing of it stays', async () => {
  behave = async () => signItself(['other.example.com'], 90)
  await domains('example.com')
  start()
  const problem = 'The certificate that was issued is not for example.com.'
  await expect.poll(() => started.store.certificates.tries()).toMatchObject([{ problem }])
  expect(await parts()).toEqual([])
})

test('one that is due at once is no success, and the issuer is not asked again and again', async () => {
  behave = async (names) => {
    const made = await signItself(names, 90)
    later(70 * day)
    return made
  }
  await domains('example.com')
  start()
  const problem = expect.stringMatching(/ would be due at once\.$/)
  await expect.poll(() => started.store.certificates.tries()).toMatchObject([{ problem }])
  await settled()
  expect(issued).toHaveLength(1)
})

test('a kernel that ends in the middle of it leaves nothing but the next try', async () => {
  behave = async (_names, answers, _progress, signal) => {
    await answers.show('token', 'answer')
    await pause(60_000, undefined, { signal })
    throw new Error('not reached')
  }
  await domains('example.com')
  const { stop } = start()
  await expect.poll(() => [...shown]).toEqual([['token', 'answer']])
  await stop()
  expect([...shown]).toEqual([])
  expect(await started.store.certificates.tries()).toEqual([])
  behave = async (names) => signItself(names, 90)
  start()
  await soon(1)
})

test('whoever asks for a name that is being issued hears how that goes on', async () => {
  const going = Promise.withResolvers<void>()
  behave = async (names, _answers, progress) => {
    await going.promise
    progress('Proven')
    return signItself(names, 90)
  }
  await domains('example.com')
  const { keeper } = start()
  await expect.poll(() => issued).toHaveLength(1)
  const heard: string[] = []
  const asked = keeper.issue({ host: 'example.com', app, before: null }, (line) => heard.push(line))
  going.resolve()
  expect(await asked).toBeNull()
  expect(heard).toEqual(['Proven'])
  expect(issued).toHaveLength(1)
})

test('many names are issued, a few at the same time', async () => {
  let [now, most] = [0, 0]
  behave = async (names) => {
    most = Math.max(most, ++now)
    await pause(5)
    now--
    return signItself(names, 90)
  }
  await domains(...Array.from({ length: 20 }, (_, at) => `n${at}.example.com`))
  start()
  await soon(20)
  expect(most).toBe(4)
})
