/** HTTPS without anybody thinking about it: a real ACME server, whose certificates live for a minute. */
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, describe, expect, test } from 'vitest'
import { startNames, startPebble, type TestNames, type TestPebble } from '../drivers/acme/pebble-for-test.ts'
import { askTls } from './ask-tls.ts'
import { inSystem } from './in-system.ts'
import { example, push } from './repository.ts'

const host = 'blog.example.com'

describe('https', { timeout: 120_000 }, () => {
  let names: TestNames
  let pebble: TestPebble
  const at = inSystem(async ({ system, person }) => {
    names = await startNames()
    pebble = await startPebble({ httpPort: system.httpPort, dns: names.address, lifetime: 60 })
    for (const [property, value] of Object.entries(pebble.settings)) await system.console('certs:set', property, value)
    await example(person, 'static', 'blog')
    await push(person)
  })
  afterAll(async () => {
    for (const property of ['server', 'ca']) await at.system.console('certs:set', property)
    await pebble.remove()
    await names.remove()
  })

  const ask = async (path?: string) => askTls(host, at.system.httpsPort, await pebble.root(), path)
  const serial = async () => (await ask()).certificate.serialNumber
  const report = async () =>
    JSON.parse(await at.system.console('certs:report', 'blog', '--format', 'json')).find(
      ({ domain }: { domain: string }) => domain === host,
    )

  test('a domain of a running app is served over https within seconds, and http leads there', async () => {
    await at.person.must('ssh', 'megapolos', 'domains:add', 'blog', host)
    await expect.poll(() => ask().then(({ status }) => status, String), { timeout: 30_000 }).toBe(200)
    const answer = await fetch(`http://127.0.0.1:${at.system.httpPort}/a?b`, { headers: { host }, redirect: 'manual' })
    console.log(answer.status, answer.headers.get('location'))
    console.log(await report(), await at.system.console('certs:report'))
    await pause(0)
  })
})
