/** Looks for what keeps an issuer from proving a name, so that it can be said. It never decides anything. */
import { Resolver } from 'node:dns/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { Config } from '../config.ts'
import { ownAddresses } from '../network/own-addresses.ts'

/** What was found, a sentence each. */
export type Preflight = (host: string, issuer: Issuer) => Promise<string[]>

export interface Issuer {
  /** How CAA records call it; null: not known. */
  readonly caa: string | null
}

export interface PreflightParts {
  readonly config: Pick<Config, 'httpPort' | 'address'>
  readonly resolver?: Pick<Resolver, 'resolve4' | 'resolve6' | 'resolveCaa'>
  /** Addresses of this machine's own interfaces. */
  readonly own?: () => readonly string[]
  /** Milliseconds for all of it. */
  readonly deadline?: number
}

export function createPreflight({ config, own = ownAddresses, deadline = 6_000, ...parts }: PreflightParts): Preflight {
  const { resolver = new Resolver({ timeout: 1_500, tries: 2 }) } = parts

  async function addressesOf(host: string): Promise<string[]> {
    if (/^[\d.]+$|:/.test(host)) return [host]
    return (await Promise.all([resolver.resolve4(host).catch(none), resolver.resolve6(host).catch(none)])).flat()
  }

  async function leads(host: string): Promise<string[]> {
    const here = [...own(), ...(config.address === 'localhost' ? [] : await addressesOf(config.address))]
    const [shown = 'this server'] = [...here].sort((a, b) => Number(isPrivate(a)) - Number(isPrivate(b)))
    const found = await addressesOf(host)
    if (found.length === 0) return [`${host} leads nowhere; in DNS, point it at ${shown}.`]
    if (found.some((one) => here.includes(one))) return []
    return [`${host} leads to ${found.join(', ')}, which is not an address of this server (${here.join(', ')}).`]
  }

  /** RFC 8659: the closest name that has any records speaks for all below it. */
  async function allows(host: string, { caa }: Issuer): Promise<string[]> {
    if (caa === null) return []
    const labels = host.split('.')
    for (let at = 0; at < labels.length - 1; at++) {
      const name = labels.slice(at).join('.')
      const records = await resolver.resolveCaa(name).catch(none)
      const issuers = records.flatMap(({ issue }) => (issue === undefined ? [] : [issue.split(';')[0]?.trim() ?? '']))
      if (issuers.length === 0) continue
      if (issuers.includes(caa)) return []
      return [`The CAA records of ${name} allow ${issuers.filter(Boolean).join(', ') || 'nobody'}, and not ${caa}.`]
    }
    return []
  }

  function port(): string[] {
    if (config.httpPort === 80) return []
    return [`Issuers ask at port 80, and the proxy listens on ${config.httpPort}; something must hand requests on.`]
  }

  return async (host, issuer) => {
    const name = host.replace(/^\*\./, '')
    const ended = new AbortController()
    const late = pause(deadline, ['DNS does not answer.'], { signal: ended.signal })
    late.catch(none)
    // A star is proven in DNS: where the name leads does not matter then.
    const looks = host === name ? [leads(name), allows(name, issuer), port()] : [allows(name, issuer)]
    try {
      return await Promise.race([Promise.all(looks).then((found) => found.flat()), late])
    } finally {
      ended.abort()
    }
  }
}

function none(): never[] {
  return []
}

function isPrivate(address: string): boolean {
  return /^(10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|f[cd])/.test(address)
}
