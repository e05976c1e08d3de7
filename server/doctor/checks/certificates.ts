/** Names that are served with an ended certificate, or soon will be, and those that get none. */
import { bestFor, type Certificate, isValid } from '../../domain/certificate.ts'
import { holders, ownHosts } from '../../domain/route.ts'
import { type Commands, check, type Finding } from '../check.ts'

export interface CertificateFacts {
  /** Served with one that clients refuse, or will in a few days. */
  readonly ending: readonly {
    readonly host: string
    readonly app: string | null
    readonly notAfter: string
    readonly uploaded: boolean
  }[]
  /** That it could not be issued or renewed. */
  readonly failing: readonly {
    readonly host: string
    readonly app: string | null
    readonly problem: string
    readonly served: boolean
  }[]
  readonly now: number
}

/** Of a certificate's life, when it should have been renewed long ago; and a week for those that somebody brought. */
const lastPart = 0.15
const week = 7 * 24 * 3_600_000

export const certificates = check<CertificateFacts>({
  name: 'certificates',
  about: 'The certificates',
  needs: ['store'],
  remedy: (commands) => commands.restart('rqlite'),
  async probe({ store, now }) {
    const [list, tries, domains, global, apps] = await Promise.all([
      store.certificates.list(),
      store.certificates.tries(),
      store.domains.list(),
      store.domains.global(),
      store.apps.list(),
    ])
    const at = new Date(now())
    const names = new Map(apps.map(({ id, name }) => [id, name]))
    const owners = holders(domains)
    // Only names of today: what was issued for a global domain of before ends, and nobody minds.
    const own = ownHosts(global).map((host) => [host, null] as const)
    const served = new Map(
      [...owners, ...own].flatMap(([host, app]) => {
        const best = bestFor(host, app, list, at)
        return best ? [[host, best] as const] : []
      }),
    )
    const nameOf = (host: string) => names.get(owners.get(host) ?? '') ?? null
    return {
      ending: [...served].flatMap(([host, one]) =>
        isEnding(one, at)
          ? [{ host, app: nameOf(host), notAfter: one.notAfter, uploaded: one.source !== 'issued' }]
          : [],
      ),
      failing: tries.map(({ host, problem }) => {
        const one = served.get(host)
        return { host, app: nameOf(host), problem, served: one !== undefined && isValid(one, at) }
      }),
      now: now(),
    }
  },
  judge: ({ ending, failing, now }, commands) => [
    ...ending.map(({ host, app, notAfter, uploaded }): Finding => {
      const over = Date.parse(notAfter) <= now
      const why = failing.find((one) => one.host === host)?.problem
      return {
        severity: over ? 'error' : 'warning',
        problem: `The certificate of ${host} ${over ? 'has ended' : 'ends'} at ${notAfter}.${why ? ` The last try: ${why}` : ''}`,
        fix: uploaded ? commands.kernel(`certs:add ${app} < server.pem`) : renewal(app, host, commands),
      }
    }),
    ...failing
      .filter(({ host }) => !ending.some((one) => one.host === host))
      .map(({ host, app, problem, served }): Finding => {
        const what = served ? 'could not be renewed; the old one still serves' : 'was not issued'
        const fix = renewal(app, host, commands)
        return { severity: 'warning', problem: `The certificate of ${host} ${what}: ${problem}`, fix }
      }),
  ],
})

function renewal(app: string | null, host: string, commands: Commands): string {
  return commands.kernel(app === null ? 'certs:renew' : `certs:renew ${app} ${host}`)
}

function isEnding({ source, notBefore, notAfter }: Certificate, now: Date): boolean {
  const left = Date.parse(notAfter) - now.getTime()
  return left < (source === 'issued' ? (Date.parse(notAfter) - Date.parse(notBefore)) * lastPart : week)
}
