/** All that may change about a name, at once, under clients of each kind; Pebble and a CA of our own sign what they are shown. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { startNames, startPebble, type TestNames, type TestPebble } from '../drivers/acme/pebble-for-test.ts'
import { askTls } from './ask-tls.ts'
import { inFlight } from './in-flight.ts'
import { inSystem } from './in-system.ts'
import { type LoadTarget, startLoad } from './load.ts'
import { createLocalCa, type LocalCa } from './local-ca.ts'
import { commit, edit, example, push } from './repository.ts'

/** All of them: `npm run test:soak`. */
const rounds = process.env.MEGAPOLOS_SOAK ? 20 : 5
/** The one goes to and fro between two apps, the other stays. */
const [moved, stays] = ['www.example.com', 'blog.example.com']

describe('https under load', () => {
  let names: TestNames
  let pebble: TestPebble
  let own: LocalCa
  let trusted: string[]
  const at = inSystem(async ({ system, person }) => {
    names = await startNames()
    pebble = await startPebble({ httpPort: system.httpPort, dns: names.address })
    own = await createLocalCa()
    trusted = [own.root, await pebble.root()]
    for (const [property, value] of Object.entries(pebble.settings)) await system.console('certs:set', property, value)
    const outside = person.folder
    for (const name of ['shop', 'blog']) {
      person.folder = outside
      await example(person, 'node-procfile', name)
      await push(person)
      await person.must('ssh', 'megapolos', 'config:set', name, `GREETING=${name}:`)
    }
    await person.must('ssh', 'megapolos', 'domains:add', 'blog', moved, stays, 'moved.test', 'blog.test')
    for (const host of [moved, stays]) {
      const serves = async () => expect(await ask(host)).toBe('blog: version one\n')
      await vi.waitFor(serves, { timeout: 60_000, interval: 300 })
    }
  })
  afterAll(async () => {
    for (const property of ['server', 'ca']) await at.system.console('certs:set', property)
    await pebble.remove()
    await names.remove()
  })

  const megapolos = (line: string) => at.person.must('ssh', 'megapolos', ...line.split(' '))
  const fresh = (host: string, ca = trusted) => askTls(host, at.system.httpsPort, ca)
  const ask = (host: string) => fresh(host).then(({ body }) => body, String)
  const serial = async (host: string) => (await fresh(host)).certificate.serialNumber

  let round = 0
  let text = 'version one'
  /** The app that the one name is at. */
  let holder = 'blog'

  /** In turn; each sees that what it changed is what the next handshake is shown. */
  const certificates: readonly (() => Promise<void>)[] = [
    async function renewed() {
      const before = await serial(stays)
      await megapolos('certs:renew blog')
      expect(await serial(stays)).not.toBe(before)
    },
    async function added() {
      const before = await serial(moved)
      const from = join(at.person.folder, '..', 'pair.pem')
      await writeFile(from, await own.pair(moved))
      const { exit, output } = await at.person.run(['ssh', 'megapolos', 'certs:add', holder], { from })
      expect(exit, output).toBe(0)
      expect(await serial(moved)).not.toBe(before)
    },
    async function generated() {
      await megapolos('certs:generate blog blog.test')
      const ca = [await megapolos('certs:show blog crt --domain blog.test')]
      expect((await fresh('blog.test', ca)).body).toBe(`blog: ${text}\n`)
    },
    async function removed() {
      await megapolos('certs:remove blog')
      expect(await at.get('blog.test')).toBe(`blog: ${text}\n`)
    },
  ]

  /** Between moves and certificates, in turn. */
  const others: readonly (() => Promise<void>)[] = [
    async function pushed() {
      const next = `version ${round}`
      await edit(at.person, 'web.js', text, next)
      text = next
      await commit(at.person, text)
      await push(at.person)
      expect(await at.get('blog.localhost')).toBe(`blog: ${text}\n`)
    },
    async function closed() {
      const began = Date.now()
      await megapolos('maintenance:on blog')
      expect(await at.get('blog.localhost')).toContain('Maintenance')
      await megapolos('maintenance:off blog')
      closures.push([began, Date.now()])
      expect(await at.get('blog.localhost')).toBe(`blog: ${text}\n`)
    },
    async function domains() {
      const some = [`m${round}.test`, `${moved}/m${round}`]
      await megapolos(`domains:add shop ${some.join(' ')}`)
      expect(await at.get(some[0] as string)).toContain('shop')
      await megapolos(`proxy:set ${holder} timeout=${60 + round}`)
      await megapolos(`domains:remove shop ${some.join(' ')}`)
    },
    async function rolledBack() {
      await megapolos(`config:set shop ROUND=${round}`)
      await megapolos('releases:rollback shop')
    },
  ]
  /** When 503 was asked for. */
  const closures: [from: number, to: number][] = []
  const askedFor = (failure: string) => {
    const time = Date.parse(failure.split(' ')[0] as string)
    return failure.includes('status 503: ') && closures.some(([from, to]) => from <= time && time <= to)
  }

  test(`${rounds} moves of a domain and ${rounds} certificates, with rollouts and maintenance between them, lose no request of 40 connections over HTTP, HTTPS and HTTP/2`, {
    timeout: (60 + rounds * 12) * 1000,
  }, async () => {
    const { httpPort, httpsPort } = at.system
    const each = { posts: true, rest: 50 }
    const [plain, tls] = [
      { ...each, port: httpPort },
      { ...each, port: httpsPort, ca: trusted },
    ]
    const kinds: Readonly<Record<string, LoadTarget>> = {
      'HTTP, moved': { ...plain, host: 'moved.test', connections: 4 },
      'HTTP, stays': { ...plain, host: 'blog.localhost', connections: 4 },
      'HTTPS, moved': { ...tls, host: moved, connections: 10 },
      'HTTPS, stays': { ...tls, host: stays, connections: 10 },
      'HTTP/2, moved': { ...tls, host: moved, connections: 6, streams: 3 },
      'HTTP/2, stays': { ...tls, host: stays, connections: 6, streams: 3 },
      // These see each new certificate.
      'HTTPS, a connection each': { ...tls, host: moved, connections: 1, reconnects: true },
      'HTTP/2, a connection each': { ...tls, host: moved, connections: 1, streams: 1, reconnects: true },
    }
    const loads = Object.entries(kinds).map(([kind, target]) => ({ kind, load: startLoad(target) }))
    for (round = 1; round <= rounds; round++) {
      holder = round % 2 ? 'shop' : 'blog'
      await megapolos(`domains:add ${holder} ${moved} moved.test --take`)
      expect(await ask(moved)).toMatch(`${holder}: `)
      await certificates[round % certificates.length]?.()
      await others[round % others.length]?.()
    }
    for (const { kind, load } of loads) {
      const { requests, failures, answers, slowest } = await load.stop()
      const lost = failures.filter((failure) => !askedFor(failure))
      console.log(
        `https-load, ${kind}: ${requests} requests (slowest ${slowest} ms), ${failures.length - lost.length} answered 503 as asked, ${lost.length} failed`,
      )
      expect(lost, kind).toEqual([])
      if (kind.includes('stays')) expect(failures.length, kind).toBeGreaterThan(0)
      const right = kind.includes('stays') ? /^blog: version / : /^(blog|shop): version /
      expect(answers.filter((answer) => !right.test(answer))).toEqual([])
      expect(requests).toBeGreaterThan(100)
    }
    expect(await inFlight(at)).toBe(0)
  })
})
