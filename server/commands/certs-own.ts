/** certs:add, generate, show, remove: what somebody brings. certs:set: whom the others come from */
import { z } from 'zod'
import type { Added } from '../certificates/contract.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, dryRun, hosts } from './fields.ts'
import { day } from './text.ts'

const names = hosts.optional().meta({ description: 'some of its names; all when left out' })
const domain = hosts.length(1, 'Name one domain.').meta({ description: 'the domain' })
const added = z.object({
  ...{ app: z.string(), names: z.array(z.string()), expires: z.string() },
  ...{ uncovered: z.array(z.string()), late: z.boolean() },
})
const property = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,40}$/, 'A setting has a name such as email or server.')
  .meta({ description: 'issuer (a device), email, server, challenge, dns …' })

export const certsOwn = [
  command({
    name: 'certs:add',
    summary: 'Serve an app with a certificate of your own; it and its key come on standard input',
    access: 'app:write',
    kind: 'mutation',
    input: 'the certificate, its chain and its private key, as PEM or in a tar',
    args: z.object({
      app,
      files: z.array(z.string()).optional().meta({ description: 'none: they come on standard input' }),
    }),
    positional: ['app', 'files'],
    aliases: [{ name: 'certs:update' }, { name: 'ssl:set' }],
    result: added,
    examples: ['certs:add blog < server.pem', 'certs:add blog < server.tar'],
    run: async ({ app: name, files = [] }, { input }, { store, certificates }) => {
      if (input.trim() === '') {
        const pipe = files.length > 0 ? files.join(' ') : 'server.crt server.key'
        throw new UserError(
          'usage',
          'The certificate and its key come on standard input.',
          `cat ${pipe} | ssh megapolos certs:add ${name}`,
        )
      }
      return outcome(name, await certificates.add(await store.apps.get(name), input))
    },
    text: addedText,
  }),
  command({
    name: 'certs:generate',
    summary: 'Serve a domain with a certificate that signs itself; clients must be told to trust it',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domain }),
    positional: ['app', 'domain'],
    result: added,
    examples: ['certs:generate blog blog.localhost'],
    run: async ({ app: name, domain: [host = ''] }, { emit }, { store, certificates }) =>
      outcome(name, await certificates.generate(await store.apps.get(name), host, emit)),
    text: addedText,
  }),
  command({
    name: 'certs:show',
    summary: 'Print the certificate that an app is served with, or its key',
    access: 'app:write',
    kind: 'query',
    reveals: true,
    args: z.object({
      app,
      part: z.enum(['crt', 'key'], 'It is crt or key.').meta({ description: 'crt or key' }),
      domain: domain.optional(),
    }),
    positional: ['app', 'part'],
    result: z.string(),
    examples: ['certs:show blog crt'],
    run: async ({ app, part, domain: [host = null] = [] }, _context, { store, certificates }) => {
      const pair = await certificates.show(await store.apps.get(app), host)
      return part === 'crt' ? pair.chain : pair.key
    },
    text: (pem) => pem.trimEnd().split('\n'),
  }),
  command({
    name: 'certs:remove',
    summary: 'Take away certificates of an app that were added or generated',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app, domains: names, dryRun }),
    positional: ['app', 'domains'],
    result: z.object({ app: z.string(), names: z.array(z.string()), planned: z.boolean() }),
    run: async ({ app: name, domains = [], dryRun }, _context, { store, certificates }) => {
      const app = await store.apps.get(name)
      const gone = dryRun ? certificates.concerned(app, domains, 'own') : certificates.remove(app, domains)
      return { app: name, names: [...(await gone)], planned: dryRun }
    },
    text: ({ app, names, planned }) => [
      `${app} ${planned ? 'would lose' : 'lost'} its certificate for ${names.join(', ')}.`,
    ],
  }),
  command({
    name: 'certs:set',
    summary: 'Set whom certificates come from, for the whole server; no value resets it',
    access: 'admin',
    kind: 'mutation',
    args: z.object({
      property,
      value: z.string().default('').meta({ description: 'its value' }),
      global: z.boolean().default(false).meta({ description: 'nothing else is possible: it is the same for all apps' }),
    }),
    positional: ['property', 'value'],
    aliases: [{ name: 'letsencrypt:set' }],
    result: z.object({ property: z.string(), value: z.string() }),
    examples: ['certs:set email you@example.com', 'certs:set server staging'],
    run: async ({ property, value }, { signal }, { certificates }) => {
      await certificates.configure(property, value, signal)
      return { property, value }
    },
    text: ({ property, value }) => [value === '' ? `${property} is reset.` : `${property} is ${value}.`],
  }),
  command({
    name: 'certs:set-secret',
    summary: 'Keep a secret that the issuer or the DNS server knows us by; an empty one forgets it',
    access: 'admin',
    kind: 'mutation',
    input: 'the secret',
    args: z.object({ property: property.meta({ description: 'eab, tsig, webhook …' }) }),
    positional: ['property'],
    result: z.object({ property: z.string(), kept: z.boolean() }),
    examples: ['certs:set-secret eab < hmac-key', 'certs:set-secret tsig < key'],
    run: async ({ property }, { input }, { certificates }) => {
      await certificates.keepSecret(property, input.trim())
      return { property, kept: input.trim() !== '' }
    },
    text: ({ property, kept }) => [kept ? `${property} is kept, encrypted.` : `${property} is forgotten.`],
  }),
]

function outcome(app: string, { names, notAfter, uncovered, late }: Added): z.output<typeof added> {
  return { app, names: [...names], expires: notAfter, uncovered: [...uncovered], late }
}

function addedText({ app, names, expires, uncovered, late }: z.output<typeof added>): string[] {
  const others = uncovered.length === 0 ? [] : [`It does not cover ${uncovered.join(', ')}.`]
  if (late) others.push('The proxy does not answer now; it follows when it is back.')
  return [`${app} is served with it at ${names.join(', ')} until ${day(expires)}.`, ...others]
}
