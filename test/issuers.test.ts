/** Issuers with settings of their own, as an operator adopts them. That they issue is in drivers/acme. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startNames, startPebble, type TestNames, type TestPebble } from '../drivers/acme/pebble-for-test.ts'
import { inSystem } from './in-system.ts'

const external = { 'kid-1': 'zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W' }

describe('an issuer', { timeout: 60_000 }, () => {
  const at = inSystem()
  let names: TestNames
  let pebble: TestPebble

  beforeAll(async () => {
    names = await startNames()
    pebble = await startPebble({ httpPort: at.system.httpPort, dns: names.address, externalAccounts: external })
  })
  afterAll(async () => {
    await pebble?.remove()
    await names?.remove()
  })

  const adopt = (...settings: string[]) => [
    'ssh',
    'megapolos',
    'devices:adopt',
    'acme',
    '--name',
    'ours',
    `server=${pebble.settings.server}`,
    ...settings,
  ]

  test('is looked at before it is used, and what is missing is said', async () => {
    const untrusted = await at.person.run(adopt())
    expect(untrusted.output).toContain('is not trusted: self-signed certificate.')
    expect(untrusted.output).toContain('ca=/etc/ssl/our-root.pem')
    const trusted = `ca=${pebble.settings.ca}`
    expect((await at.person.run(adopt(trusted))).output).toContain('Adopt it with eab-kid=KEY-ID')
    expect((await at.person.run(adopt(trusted, 'sever=x'))).output).toContain('There is no setting sever.')
  })

  test('is adopted by the same words with what was missing, and its secret is nowhere to be read', async () => {
    const words = adopt(`ca=${pebble.settings.ca}`, 'eab-kid=kid-1', 'email=me@example.com')
    const secrets = join(at.person.folder, 'secrets')
    await writeFile(secrets, `eab=${external['kid-1']}\n`)
    const adopted = await at.person.run(words, { from: secrets })
    expect(adopted.output).toContain('ours is ready: acme.')
    const read = [await at.system.console('devices:info', 'ours'), await at.system.console('audit')].join('\n')
    expect(read).toMatch(/email: +me@example.com/)
    expect(read).not.toContain(external['kid-1'])
    await at.person.must('ssh', 'megapolos', 'devices:remove', 'ours', '--confirm', 'ours')
    expect(await at.system.console('devices:list')).not.toContain('ours')
  })
})
