/** HTTPS without anybody thinking about it: a real ACME server, whose certificates live for 36 seconds. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { startNames, startPebble, type TestNames, type TestPebble } from '../drivers/acme/pebble-for-test.ts'
import { askTls } from './ask-tls.ts'
import { inSystem } from './in-system.ts'
import { example, push } from './repository.ts'
import { noIssuer } from './system.ts'

const host = 'blog.example.com'

describe('https', { timeout: 240_000 }, () => {
  let names: TestNames
  let pebble: TestPebble
  /** That the last certificate leads to, as long as its issuer was not started again. */
  let root: string
  const at = inSystem(async ({ system, person }) => {
    names = await startNames()
    pebble = await startPebble({ httpPort: system.httpPort, dns: names.address, lifetime: 36 })
    for (const [property, value] of Object.entries(pebble.settings)) await system.console('certs:set', property, value)
    await example(person, 'static', 'blog')
    await push(person)
  })
  afterAll(async () => {
    await at.system.console('certs:set', 'server', noIssuer)
    await at.system.console('certs:set', 'ca')
    await pebble.remove()
    await names.remove()
  })

  const ask = async (path?: string) => askTls(host, at.system.httpsPort, await pebble.root(), path)
  /** Of a certificate that is good: one that was late by a moment is not a failure, one that does not come is. */
  const serial = async (than?: string) => {
    let last = ''
    const look = async () => {
      last = (await ask()).certificate.serialNumber
      return last
    }
    await expect.poll(look, { timeout: 100_000, interval: 500 }).not.toBe(than)
    return last
  }
  const report = async () => {
    const list = JSON.parse(await at.system.console('certs:report', 'blog', '--format', 'json'))
    return list.find(({ domain }: { domain: string }) => domain === host)
  }

  test('a domain of a running app is served over https within seconds, and http leads there', async () => {
    await at.person.must('ssh', 'megapolos', 'domains:add', 'blog', host)
    await expect.poll(() => ask().then(({ status }) => status, String), { timeout: 30_000 }).toBe(200)
    const head = await at.person.must(
      'curl',
      '-sS',
      '-o',
      '/dev/null',
      '-w',
      '%{http_code} %{redirect_url}',
      `http://${host}/a?b`,
    )
    expect(head).toBe(`308 https://${host}:${at.system.httpsPort}/a?b`)
    expect(await report()).toMatchObject({ state: 'served', source: 'issued', failure: null })
    expect(await at.system.console('certs:active', 'blog')).toBe('true\n')
    expect(await at.person.must('ssh', 'megapolos', 'apps:info', 'blog')).toContain(`https://${host}:`)
  })

  test('a kernel that is killed while it gets one gets it when it is back, and renews the other with nobody typing', async () => {
    const [before, other] = [await serial(), `www.${host}`]
    await at.person.must('ssh', 'megapolos', 'domains:add', 'blog', other)
    process.kill(await at.system.pid('kernel'), 'SIGKILL')
    const answer = async () => askTls(other, at.system.httpsPort, await pebble.root())
    await expect.poll(() => answer().then(({ status }) => status, String), { timeout: 60_000 }).toBe(200)
    await serial(before)
    expect((await ask()).status).toBe(200)
  })

  test('a kernel that was stopped throughout the window renews when it starts', async () => {
    const before = await serial()
    const { renews } = await report()
    await at.system.installer('stop')
    await pause(Math.max(0, Date.parse(renews) - Date.now()) + 1_000)
    await at.system.installer('start')
    await serial(before)
  })

  test('with a public global domain the panel and git answer over https, and nothing of the panel over http', async () => {
    await at.person.must('ssh', 'megapolos', 'domains:set-global', 'apps.example.com')
    const answer = async (name: string, path?: string) =>
      askTls(`${name}.apps.example.com`, at.system.httpsPort, await pebble.root(), path)
    await expect.poll(() => answer('panel').then(({ status }) => status, String), { timeout: 30_000 }).toBe(401)
    await expect.poll(() => answer('git').then(({ status }) => status, String), { timeout: 30_000 }).toBeLessThan(500)
    await expect.poll(() => answer('blog').then(({ status }) => status, String), { timeout: 30_000 }).toBe(200)
    const link = /https:\/\/panel\.apps\.example\.com:\d+(\/login\?token=\S+)/.exec(await at.system.console('login'))
    expect((await answer('panel', link?.[1])).body).toContain('Sign in')
    const plain = await at.person.must('curl', '-sS', '-w', '%{http_code}', 'http://panel.apps.example.com/')
    expect(plain.endsWith('308')).toBe(true)
    await at.person.must('ssh', 'megapolos', 'domains:set-global', 'localhost')
  })

  test('while the issuer is down the old one serves, and report, doctor and events say why', async () => {
    const before = await serial()
    root = await pebble.root()
    await pebble.kill()
    await expect
      .poll(async () => (await report()).failure?.problem, { timeout: 60_000, interval: 500 })
      .toMatch(/does not answer/)
    expect(await report()).toMatchObject({ state: 'served', domain: host })
    expect((await askTls(host, at.system.httpsPort, root)).certificate.serialNumber).toBe(before)
    expect((await at.person.run(['ssh', 'megapolos', 'server:doctor'])).output).toContain(`The certificate of ${host}`)
    expect(await at.person.must('ssh', 'megapolos', 'events')).toContain('could not be renewed')
    await pebble.start()
    const again = await at.person.must('ssh', 'megapolos', 'certs:renew', 'blog')
    expect(again).toContain(`https://${host}/ has a new certificate.`)
    await serial(before)
  })
})
