/** Issuers that are right but for one thing each. A suite that does not see it would prove nothing. */
import { generateKeyPairSync } from 'node:crypto'
import type { CertificateDriver, ChallengeAnswers, Issued } from '../../server/devices/classes/certificate.ts'
import { certificatesOf, never } from './certificate-world.ts'
import type { Mutant } from './promises.ts'

const cancelled = 'cancelled at any of its steps it ends at once, with the reason, and leaves nothing shown'
const downIsNamed =
  'an issuer that is down is named in seconds, and serves again when it is back, even with nothing remembered'
const unprovenIsNamed =
  'a name that cannot be proven is refused by its name, the others are not blamed, and nothing stays shown'
const keyIsNew = 'each key is a new one, on P-256, and the one that the certificate is for'
const namesAreExact = 'a certificate is for the names that were asked for, all of them and no others'
const noSecret = 'no key and no secret is in what it tells, in the log, or in the words of a program'
const revokedIsKnown = 'the issuer knows what was revoked, and nothing else'
const taken = 'a client that trusts the root takes it under each of its names, and under no other'
const wellOrdered = 'the leaf comes first, each is signed by the next one, and the root is left out'

export const certificateMutants: Readonly<Record<string, Mutant<CertificateDriver>>> = {
  'gives the certificate of before once more': {
    breaks: keyIsNew,
    wrong: (right) => {
      let first: Promise<Issued> | undefined
      return { issue: (...words) => (first ??= right.issue(...words)) }
    },
  },

  'hands out a key that the certificate is not for': {
    breaks: keyIsNew,
    wrong: (right) => ({ issue: async (...words) => ({ ...(await right.issue(...words)), key: anotherKey() }) }),
  },

  'forgets the last of several names': {
    breaks: namesAreExact,
    wrong: (right) => ({
      issue: (names, ...words) => right.issue(names.length > 1 ? names.slice(0, -1) : names, ...words),
    }),
  },

  'adds a name that nobody asked for': {
    breaks: namesAreExact,
    wrong: (right) => ({ issue: (names, ...words) => right.issue([...names, `www.${names[0]}`], ...words) }),
  },

  'hands out the leaf alone': {
    breaks: taken,
    sees: 'does not take it',
    wrong: withChain((chain) => chain.slice(0, 1)),
  },

  'mixes up the order of the chain': {
    breaks: wellOrdered,
    wrong: withChain(([leaf = '', ...above]) => [leaf, ...above.reverse()]),
  },

  'leaves on the web what proved a name': {
    breaks: 'nothing that proved a name can be seen once the certificate is there',
    sees: 'can still be seen',
    wrong: (right) => ({ issue: (names, answers, ...words) => right.issue(names, forgetful(answers), ...words) }),
  },

  'leaves on the web what was to prove a name, if it is cancelled': {
    breaks: cancelled,
    sees: 'can still be seen',
    wrong: (right) => ({
      issue: (names, answers, progress, signal) => {
        const withdraw = async (token: string) => void (signal.aborted || (await answers.withdraw(token)))
        return right.issue(names, { ...answers, withdraw }, progress, signal)
      },
    }),
  },

  'does not hear that it is cancelled once it has begun': {
    breaks: cancelled,
    sees: 'step 1: issued',
    wrong: (right) => ({
      async issue(names, answers, progress, signal) {
        signal.throwIfAborted()
        return right.issue(names, answers, progress, never)
      },
    }),
  },

  'ends for another reason than the one it was cancelled for': {
    breaks: cancelled,
    sees: 'something went wrong',
    wrong: (right) => ({
      issue: (...words) =>
        right.issue(...words).catch(() => {
          throw new Error('something went wrong')
        }),
    }),
  },

  'tells the key while it works': {
    breaks: noSecret,
    sees: 'a secret can be read',
    wrong: (right) => ({
      async issue(names, answers, progress, signal) {
        const made = await right.issue(names, answers, progress, signal)
        progress(`The key: ${made.key}`)
        return made
      },
    }),
  },

  'says only that it did not work': {
    breaks: unprovenIsNamed,
    wrong: (right) => ({
      issue: (...words) =>
        right.issue(...words).catch((error) => {
          throw Object.assign(new Error('The certificate could not be issued.'), { code: error.code })
        }),
    }),
  },

  'takes an issuer that is down for one that refuses': {
    breaks: downIsNamed,
    wrong: (right) => ({
      issue: (...words) =>
        right.issue(...words).catch((error) => {
          throw Object.assign(error, { code: 'refused' })
        }),
    }),
  },

  'finds an issuer good that is down': { breaks: downIsNamed, wrong: () => ({ check: async () => {} }) },

  'revokes nothing': { breaks: revokedIsKnown, wrong: () => ({ revoke: async () => {} }) },

  'cannot revoke twice': {
    breaks: 'one that was revoked can be revoked again',
    sees: 'it is revoked',
    wrong: (right) => {
      const revoked = new Set<string>()
      return {
        async revoke(certificate, signal) {
          if (revoked.has(certificate.chain)) throw new Error('it is revoked')
          revoked.add(certificate.chain)
          await right.revoke(certificate, signal)
        },
      }
    },
  },

  'promises a wildcard that it cannot prove': {
    breaks: 'a wildcard is for all names below it, or is refused with the reason',
    wrong: () => ({ challenges: async () => ['http-01'] }),
  },

  'takes anything for a name': {
    breaks: 'what is no name of a host is refused, and nothing is shown for it',
    wrong: () => ({ challenges: async () => ['http-01'] }),
  },

  'wants a renewal after the end': {
    breaks: 'a window for the renewal, if there is one, lies within its life',
    wrong: () => ({
      renewal: async (chain) => {
        const end = Date.parse(certificatesOf(chain)[0]?.validTo ?? '')
        return { from: new Date(end - 1000).toISOString(), until: new Date(end + 1000).toISOString() }
      },
    }),
  },
}

function withChain(change: (chain: readonly string[]) => string[]): Mutant<CertificateDriver>['wrong'] {
  return (right) => ({
    async issue(...words) {
      const { chain, key } = await right.issue(...words)
      return { chain: change(certificatesOf(chain).map(String)).join(''), key }
    },
  })
}

function forgetful(answers: ChallengeAnswers): ChallengeAnswers {
  return { ...answers, withdraw: async () => {} }
}

function anotherKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
}
