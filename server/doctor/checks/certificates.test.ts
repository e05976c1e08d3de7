import { expect, test } from 'vitest'
import { certificateFor } from '../../certificates/certificate-for-test.ts'
import type { Certificate, FailedTry } from '../../domain/certificate.ts'
import { commandsOf, type House } from '../check.ts'
import { certificates } from './certificates.ts'

const commands = commandsOf({ home: '/var/lib/megapolos', program: '/opt/megapolos/current' })
const failed: FailedTry = { host: 'example.com', attempts: 2, failedAt: '', nextAt: '', problem: 'No.', found: [] }

/** Of certificates that live from January to April. */
async function found(now: string, list: readonly Certificate[], tries: readonly FailedTry[] = []) {
  const store = {
    certificates: { list: async () => list, tries: async () => tries },
    domains: {
      list: async () => [{ host: 'example.com', app: 'b1', kind: 'custom' }],
      global: async () => 'example.org',
    },
    apps: { list: async () => [{ id: 'b1', name: 'blog' }] },
  }
  const facts = await certificates.probe({ store, now: () => Date.parse(now) } as unknown as House)
  return certificates.judge(facts, commands).map(({ severity, problem, fix }) => [severity, problem, fix])
}
const fix = 'megapolos certs:renew blog example.com'

test('all is well while a certificate serves and nothing failed', async () => {
  expect(await found('2026-03-01T00:00:00Z', [certificateFor('b1', ['example.com'])])).toEqual([])
  expect(await found('2026-03-01T00:00:00Z', [])).toEqual([])
})

test('a name that gets none is told of, with why; one that cannot be renewed says that the old one serves', async () => {
  expect(await found('2026-03-01T00:00:00Z', [], [failed])).toEqual([
    ['warning', 'The certificate of example.com was not issued: No.', fix],
  ])
  expect(await found('2026-03-03T00:00:00Z', [certificateFor('b1', ['example.com'])], [failed])).toEqual([
    ['warning', 'The certificate of example.com could not be renewed; the old one still serves: No.', fix],
  ])
})

test('one that ends soon is told of once, and is an error when it has ended', async () => {
  const list = [certificateFor('b1', ['example.com'])]
  const at = '2026-04-01T00:00:00.000Z'
  expect(await found('2026-03-25T00:00:00Z', list, [failed])).toEqual([
    ['warning', `The certificate of example.com ends at ${at}. The last try: No.`, fix],
  ])
  expect(await found('2026-04-02T00:00:00Z', list)).toEqual([
    ['error', `The certificate of example.com has ended at ${at}.`, fix],
  ])
})

test('of one that somebody brought, the mend is to bring another; that of the server itself is looked at as well', async () => {
  const list = [
    certificateFor('b1', ['example.com'], { source: 'uploaded' }),
    certificateFor(null, ['git.example.org']),
  ]
  expect(await found('2026-03-30T00:00:00Z', list)).toMatchObject([
    ['warning', expect.stringContaining('example.com ends'), 'megapolos certs:add blog < server.pem'],
    ['warning', expect.stringContaining('git.example.org ends'), 'megapolos certs:renew'],
  ])
})

test('what was issued for names that the server had before is no matter when it ends', async () => {
  expect(await found('2026-04-02T00:00:00Z', [certificateFor(null, ['git.example.net'])])).toEqual([])
})

test('a better one that serves in its place makes an ended one no matter', async () => {
  const old = certificateFor('b1', ['example.com'], { notAfter: '2026-02-01T00:00:00.000Z' })
  expect(await found('2026-03-01T00:00:00Z', [old, certificateFor('b1', ['*.com', 'example.com'])])).toEqual([])
})
