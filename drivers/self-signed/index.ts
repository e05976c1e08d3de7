/** An issuer that asks nobody: each certificate vouches for itself. */
import { isIP } from 'node:net'
import type { CertificateDriver } from '../../server/devices/classes/certificate.ts'
import { UserError } from '../../server/errors.ts'
import { signItself } from './certificate.ts'

/** Browsers refuse longer lives. */
const days = 397

export function createDriver(): CertificateDriver {
  const possible = (names: readonly string[]) => {
    if (names.length === 0) throw new UserError('usage', 'A certificate needs a name.')
    const wrong = names.find((name) => !isName(name))
    if (wrong !== undefined) throw new UserError('usage', `“${wrong}” is no name that a certificate can have.`)
  }
  return {
    check: async () => {},
    challenges: async (names) => {
      possible(names)
      return []
    },
    async issue(names, _answers, progress, signal) {
      possible(names)
      progress(`Signing a certificate for ${names.join(', ')} with its own key`)
      signal.throwIfAborted()
      return signItself(names, days)
    },
    renewal: async () => null,
    // Nobody can be told: who trusts it has to take that back.
    revoke: async () => {},
  }
}

/** A domain, an address, or all names below a domain. */
function isName(name: string): boolean {
  return isIP(name) !== 0 || (/^(\*\.)?([a-z0-9_-]{1,63}\.)*[a-z0-9-]{1,63}$/.test(name) && name.length <= 253)
}
