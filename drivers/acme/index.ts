/** Certificates by ACME (RFC 8555): Let's Encrypt, or any other CA that speaks it. */
import { X509Certificate } from 'node:crypto'
import type { CertificateDriver } from '../../server/devices/classes/certificate.ts'
import type { DriverHost } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { createAccounts } from './account.ts'
import { createClient } from './client.ts'
import { Refusal } from './failures.ts'
import { issue } from './issue.ts'
import { type Line, openLine } from './line.ts'
import { proverOf } from './prove.ts'
import { createRecords } from './records.ts'
import { renewalOf } from './renewal.ts'
import { readSettings } from './settings.ts'

/** Milliseconds for one certificate, whoever is slow. */
const longest = 240_000

const domain = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9]$/

type Host = Pick<DriverHost, 'folder' | 'log' | 'node' | 'secrets' | 'settings'>

export function createDriver(host: Host): CertificateDriver {
  const settings = readSettings(host.settings)
  const { directory, email, dns } = settings
  const accounts = createAccounts(host, settings)
  const records = dns === null ? null : createRecords(host, dns)

  const challengesOf = (names: readonly string[]) => {
    const wrong = names.length === 0 ? '' : names.find((name) => !domain.test(name))
    if (wrong !== undefined) {
      const hint = 'It must be a domain such as blog.example.com'
      throw new UserError('usage', `“${wrong}” is no name that a CA can sign.`, hint)
    }
    const wild = names.find((name) => name.startsWith('*.'))
    if (wild === undefined || dns !== null) return [dns === null ? 'http-01' : 'dns-01'] as const
    throw new UserError('usage', `${wild} can only be proven by DNS.`, 'Adopt an issuer with challenge=dns')
  }

  return {
    check: (signal) =>
      connected(signal, async (line) => {
        await assertDirectory(line, directory)
        await records?.check()
        await accounts.as(line, async (client) => {
          if (email !== null) await client.contact(email)
        })
      }),
    challenges: async (names) => challengesOf(names),
    async issue(names, answers, progress, signal) {
      challengesOf(names)
      const late = AbortSignal.timeout(longest)
      try {
        return await connected(AbortSignal.any([signal, late]), async (line) => {
          await records?.tidy()
          const prover = proverOf(answers, records)
          return accounts.as(line, (client) => issue(client, names, prover, progress, line.signal))
        })
      } catch (error) {
        if (signal.aborted || !late.aborted) throw error
        throw new UserError('unavailable', `The CA did not sign within ${longest / 60_000} minutes.`)
      }
    },
    renewal: (chain, signal) => connected(signal, (line) => renewalOf(line, directory, chain)),
    async revoke({ chain, key }, signal) {
      if (Date.parse(new X509Certificate(chain).validTo) < Date.now()) return
      // With its own key: that works for whichever account it was issued to.
      await connected(signal, async (line) => {
        const client = await createClient(line, { directoryUrl: directory, accountKey: key })
        await client.revoke(chain)
      }).catch((error) => {
        if (!(error instanceof Refusal && error.type === 'alreadyRevoked')) throw error
      })
    },
  }

  async function connected<T>(signal: AbortSignal, work: (line: Line) => Promise<T>): Promise<T> {
    signal.throwIfAborted()
    const line = await openLine(settings.ca, signal)
    try {
      return await work(line)
    } finally {
      line.close()
    }
  }
}

async function assertDirectory(line: Line, url: string): Promise<void> {
  const { data } = await line.send('GET', url)
  if (typeof data === 'object' && data !== null && 'newOrder' in data) return
  const hint = 'server=letsencrypt, staging, or such a URL'
  throw new UserError('usage', `${url} is no directory of an ACME server.`, hint)
}
