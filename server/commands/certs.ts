/** certs:report, active, enable, disable, renew, revoke: what the kernel gets by itself */
import { z } from 'zod'
import type { Tried } from '../certificates/contract.ts'
import type { NameReport } from '../certificates/report.ts'
import { UserError } from '../errors.ts'
import { command } from './command.ts'
import { app, dryRun, hosts } from './fields.ts'
import { day, table } from './text.ts'

const names = hosts.optional().meta({ description: 'some of its names; all when left out' })
const failure = z.object({ domain: z.string(), problem: z.string(), found: z.array(z.string()), nextTry: z.string() })
const row = z.object({
  ...{ domain: z.string(), app: z.string().nullable(), state: z.string() },
  ...{ source: z.string().nullable(), issuer: z.string().nullable() },
  ...{ expires: z.string().nullable(), renews: z.string().nullable(), failure: failure.nullable() },
})
const tried = z.object({ app: z.string().nullable(), got: z.array(z.string()), failed: z.array(failure) })

export const certs = [
  command({
    name: 'certs:report',
    summary: 'Show how HTTPS is at each domain, and what keeps it from having a certificate',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app: app.optional() }),
    positional: ['app'],
    aliases: [
      ...['certs', 'certs:list', 'certs:info', 'certs:auto'].map((name) => ({ name })),
      ...['letsencrypt:list', 'letsencrypt:report'].map((name) => ({ name })),
    ],
    result: z.array(row),
    run: async ({ app: name }, _context, { store, certificates }) =>
      (await certificates.report(name === undefined ? undefined : await store.apps.get(name))).map(shown),
    text: (list) => [
      ...table(
        ['domain', 'app', 'https', 'issuer', 'expires', 'renews'],
        list.map((one) => [
          ...[
            one.domain,
            one.app ?? 'the server',
            states[one.state as NameReport['state']],
            one.source === 'self-signed' ? 'itself' : (one.issuer ?? '-'),
          ],
          ...[day(one.expires), one.state === 'served' ? day(one.renews) : '-'],
        ]),
        'No domains.',
      ),
      ...list.flatMap(({ failure }) => (failure ? failureLines(failure) : [])),
    ],
  }),
  command({
    name: 'certs:active',
    summary: 'Say whether every public domain of an app is served over HTTPS',
    access: 'app:read',
    kind: 'query',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'letsencrypt:active' }],
    result: z.boolean(),
    run: async ({ app }, _context, { store, certificates }) => {
      const list = (await certificates.report(await store.apps.get(app))).filter(({ state }) => state !== 'local')
      return list.length > 0 && list.every(({ state }) => state === 'served')
    },
    text: (active) => [String(active)],
    unwell: (active) => (active ? null : new UserError('refused', 'Not every domain is.', 'See why: certs:report')),
  }),
  command({
    name: 'certs:enable',
    summary: 'Get certificates for the public domains of an app by itself; any app begins so',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'letsencrypt:enable' }, { name: 'certs:auto:enable' }],
    result: tried,
    run: async ({ app: name }, { emit }, { store, certificates }) =>
      outcome(name, await certificates.enable(await store.apps.get(name), emit)),
    text: (done) => triedText(done, 'Every public domain has a certificate, and gets the next one by itself.'),
    unwell,
  }),
  command({
    name: 'certs:disable',
    summary: 'Get no certificates for an app by itself; those that were issued go, its own stay',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app }),
    positional: ['app'],
    aliases: [{ name: 'letsencrypt:disable' }, { name: 'certs:auto:disable' }],
    result: z.object({ app: z.string() }),
    run: async ({ app }, _context, { store, certificates }) => {
      await certificates.disable(await store.apps.get(app))
      return { app }
    },
    text: ({ app }) => [`${app} gets no certificates by itself any more. To change that: certs:enable ${app}`],
  }),
  command({
    name: 'certs:renew',
    summary: 'Get new certificates now: of an app, of some of its domains, or all that are due',
    access: 'app:write',
    kind: 'mutation',
    args: z.object({ app: app.optional(), domains: names }),
    positional: ['app', 'domains'],
    aliases: [{ name: 'letsencrypt:auto-renew' }, { name: 'certs:auto:refresh' }],
    result: tried,
    examples: ['certs:renew blog', 'certs:renew blog www.example.com'],
    run: async ({ app: name, domains = [] }, { emit }, { store, certificates }) => {
      const found = name === undefined ? null : await store.apps.get(name)
      return outcome(name ?? null, await certificates.renew(found, domains, emit))
    },
    text: (done) => triedText(done, 'Nothing is to be renewed.'),
    unwell,
  }),
  command({
    name: 'certs:revoke',
    summary: 'Have issued certificates declared invalid and get others, as after a key was seen',
    access: 'admin',
    kind: 'mutation',
    args: z.object({ app, domains: names, dryRun }),
    positional: ['app', 'domains'],
    aliases: [{ name: 'letsencrypt:revoke' }],
    result: tried.extend({ planned: z.array(z.string()) }),
    run: async ({ app: name, domains = [], dryRun }, { emit }, { store, certificates }) => {
      const app = await store.apps.get(name)
      const planned = dryRun ? [...(await certificates.concerned(app, domains, 'issued'))] : []
      const done = dryRun ? { got: [], failed: [] } : await certificates.revoke(app, domains, emit)
      return { ...outcome(name, done), planned }
    },
    text: ({ planned, ...done }) =>
      planned.length > 0 ? [`Would revoke the certificate of ${planned.join(', ')}.`] : triedText(done, 'Revoked.'),
    unwell,
  }),
]

const states: Readonly<Record<NameReport['state'], string>> = {
  served: 'yes',
  expired: 'expired',
  waiting: 'soon',
  failed: 'not yet',
  off: 'off',
  local: 'no: not a public name',
}

function shown({ host, app, state, certificate, next, failed }: NameReport): z.output<typeof row> {
  const { source = null, issuer = null, notAfter: expires = null } = certificate ?? {}
  return { domain: host, app, state, source, issuer, expires, renews: next, failure: failed && failureOf(failed) }
}

function failureOf({ host, problem, found, nextAt }: Tried['failed'][number]): z.output<typeof failure> {
  return { domain: host, problem, found: [...found], nextTry: nextAt }
}

function outcome(app: string | null, { got, failed }: Tried): z.output<typeof tried> {
  return { app, got: [...got], failed: failed.map(failureOf) }
}

function triedText({ got, failed }: z.output<typeof tried>, nothing: string): string[] {
  return [
    ...(got.length === 0 && failed.length === 0 ? [nothing] : []),
    ...got.map((host) => `https://${host}/ has a new certificate.`),
    ...failed.flatMap(failureLines),
  ]
}

function failureLines({ domain, problem, found, nextTry }: z.output<typeof failure>): string[] {
  return [
    ` !     ${domain} got no certificate: ${problem}`,
    ...found.map((sentence) => `       ${sentence}`),
    `       It is tried again at ${nextTry.slice(0, 19)}Z.`,
  ]
}

function unwell({ failed }: z.output<typeof tried>): UserError | null {
  if (failed.length === 0) return null
  const count = failed.length === 1 ? '1 domain has' : `${failed.length} domains have`
  return new UserError(
    'refused',
    `${count} got no certificate; what they had serves on.`,
    'They are tried again by themselves.',
  )
}
