/** What the operator wrote, read once and strictly. What is secret is not among it: `host.secrets` has that. */
import { UserError } from '../../server/errors.ts'

export interface Settings {
  /** URL of the CA's directory. */
  readonly directory: string
  readonly email: string | null
  /** Path of the PEM that the directory's own TLS is trusted by; null: what the machine trusts. */
  readonly ca: string | null
  /** Key id of an external account (EAB); its HMAC key is the secret `eab`. */
  readonly externalAccount: string | null
  /** Null: proofs are shown on the web. */
  readonly dns: Dns | null
}

export type Dns = Rfc2136 | Webhook

/** The primary server of the zones takes updates; the key is the secret `tsig`. */
export interface Rfc2136 {
  readonly by: 'rfc2136'
  readonly host: string
  readonly port: number
  readonly keyName: string
  readonly algorithm: string
  /** Seconds until the other servers of a zone have a record as well. */
  readonly wait: number
}

/** It is told what to do, and answers when the record can be seen; who asks is known by the secret `webhook`. */
export interface Webhook {
  readonly by: 'webhook'
  readonly url: string
  /** Seconds, as above. */
  readonly wait: number
}

type Given = Readonly<Record<string, string | number>>

/** `as` is the kernel's own. */
export function readSettings({ as: _, ...given }: Given): Settings {
  const unknown = Object.keys(given).find((name) => !known.includes(name))
  if (unknown !== undefined) throw wrong(`There is no setting ${unknown}.`, `Settings: ${known.join(', ')}`)
  const text = (name: string) => (given[name] === undefined || given[name] === '' ? null : String(given[name]))
  const email = text('email')
  if (email !== null && !/^[^\s@,?]+@[^\s@,?]+$/.test(email))
    throw wrong(`“${email}” is no address.`, 'email=you@example.com')
  const ca = text('ca')
  if (ca !== null && !ca.startsWith('/')) throw wrong(`“${ca}” is no full path.`, 'ca=/etc/ssl/our-root.pem')
  return {
    ...{ directory: directoryOf(text('server') ?? 'letsencrypt'), email, ca },
    externalAccount: text('eab-kid'),
    dns: dnsOf(text),
  }
}

const known = [
  ...['server', 'email', 'ca', 'eab-kid', 'challenge', 'dns'],
  ...['dns-server', 'dns-wait', 'tsig-name', 'tsig-algorithm', 'webhook'],
]

type Text = (name: string) => string | null

function directoryOf(server: string): string {
  if (server === 'letsencrypt') return 'https://acme-v02.api.letsencrypt.org/directory'
  if (server === 'staging') return 'https://acme-staging-v02.api.letsencrypt.org/directory'
  if (URL.parse(server)?.protocol === 'https:') return server
  throw wrong(`“${server}” is no ACME server.`, 'server=letsencrypt, staging, or the https URL of its directory')
}

function dnsOf(text: Text): Dns | null {
  const dns = text('dns')
  const challenge = text('challenge') ?? (dns === null ? 'http' : 'dns')
  if (challenge === 'http') return null
  if (challenge !== 'dns') throw wrong(`“${challenge}” is no challenge.`, 'challenge=http or challenge=dns')
  const wait = Number(text('dns-wait') ?? 0)
  if (!Number.isInteger(wait) || wait < 0 || wait > 120) throw wrong('dns-wait is a number of seconds, at most 120.')
  if (dns === 'rfc2136') return rfc2136(text, wait)
  if (dns === 'webhook') return webhook(text, wait)
  throw wrong('challenge=dns needs to know who writes the records.', 'dns=rfc2136 or dns=webhook')
}

const algorithms = ['hmac-sha224', 'hmac-sha256', 'hmac-sha384', 'hmac-sha512']

function rfc2136(text: Text, wait: number): Rfc2136 {
  // Whatever stands here becomes a line for nsupdate.
  const [, host, port] =
    /^([A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:]+\])(?::(\d{1,5}))?$/.exec(text('dns-server') ?? '') ?? []
  const keyName = text('tsig-name') ?? ''
  const algorithm = text('tsig-algorithm') ?? 'hmac-sha256'
  if (host === undefined) throw wrong('dns=rfc2136 needs the server that takes updates.', 'dns-server=ns1.example.com')
  if (!/^[A-Za-z0-9._-]+$/.test(keyName)) throw wrong('dns=rfc2136 needs the name of its key.', 'tsig-name=megapolos')
  if (!algorithms.includes(algorithm)) {
    throw wrong(`“${algorithm}” is no algorithm of a TSIG key.`, `tsig-algorithm=${algorithms.join(' or ')}`)
  }
  return { by: 'rfc2136', host: host.replace(/^\[|\]$/g, ''), port: Number(port ?? 53), keyName, algorithm, wait }
}

function webhook(text: Text, wait: number): Webhook {
  const url = URL.parse(text('webhook') ?? '')
  const isOurs = url?.protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname)
  if (url === null || !(url.protocol === 'https:' || isOurs)) {
    throw wrong('dns=webhook needs its URL, by https or on this machine.', 'webhook=https://dns.example.com/acme')
  }
  return { by: 'webhook', url: url.href, wait }
}

function wrong(message: string, hint?: string): UserError {
  return new UserError('usage', message, hint)
}
