/** Keeps the proxy's table equal to the domains and to the targets that serve each app. */
import type { ProxyDriver } from '../devices/classes/proxy.ts'
import { pairText } from '../domain/certificate.ts'
import type { OpenLink } from '../domain/link.ts'
import type { Domain, Parts, RouteTable, Traffic } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Certificates } from '../state/certificates.ts'
import type { Routing } from '../state/routing.ts'
import type { Domains } from '../state/store.ts'
import { step } from '../steps.ts'
import { routeTable, type Said } from './table.ts'
import { type Served, servedWith, withTls } from './tls.ts'

export interface Routes extends Traffic {
  /**
   * The domains, their certificates, challenges, links, or what is said about requests have changed. Resolves when the
   * proxy uses them; before `switchAll` there is nothing to do. Throws `refused` when they do not fit: what was known
   * before them goes on, and others can switch.
   */
  refresh(): Promise<void>
  /** Resolves once the proxy has a table of this kernel: until then nothing that changes reaches it. */
  readonly started: Promise<void>
  /** The app is gone, and so are its domains. */
  forget(app: string): Promise<void>
  /** The newest table, which the proxy has or will have. */
  table(): RouteTable
  /** Ends the retries; nothing is pushed any more. */
  stop(): void
}

export interface RoutesParts {
  readonly domains: Pick<Domains, 'list' | 'global'>
  readonly routing: Pick<Routing, 'list' | 'trusted' | 'page'>
  readonly certificates: Pick<Certificates, 'list' | 'without' | 'pair'>
  /** What issuers are shown: token → answer. */
  readonly challenges: ReadonlyMap<string, string>
  /** Who may call whom inside the server. */
  readonly openLinks: () => Promise<readonly OpenLink[]>
  readonly gitPort: number
  readonly panelPort: number
  readonly proxy: () => ProxyDriver
  readonly log: Log
  /** How long to wait before the next try when the proxy is away, in ms. */
  readonly retryAfter?: number
  /** How often the proxy is asked which table it uses, in ms. */
  readonly compareEvery?: number
}

/**
 * Nothing is pushed before `switchAll`: at the kernel's start an empty table would take every app off a proxy that serves.
 * What is wanted is kept here and pushed whole. So when a push fails because the proxy is away, the change stays wanted
 * and is made when the proxy is back; a caller that does not want it any more says so with another `switchTo`.
 */
export function createRoutes(parts: RoutesParts): Routes {
  const { domains, routing, certificates, challenges, openLinks, gitPort, panelPort, proxy, log } = parts
  const { retryAfter = 1_000, compareEvery = 5_000 } = parts
  const targets = new Map<string, readonly string[] | 'held'>()
  let known: Known = { domains: [], global: '', said: { rules: new Map(), trusted: [], links: [] }, served: new Map() }
  /** What the proxy took last of that. */
  let good: Known | null = null
  let knownIsOld = true
  let state: 'new' | 'started' | 'stopped' = 'new'
  const started = Promise.withResolvers<void>()
  let running: Promise<Outcome> = Promise.resolve(null)
  let waiting: Promise<Outcome> | null = null
  let retry: NodeJS.Timeout | undefined
  let comparing: NodeJS.Timeout | undefined
  /** Mark of the table that the proxy was last seen to use; null while another is on its way. */
  let used: string | null = null

  const table = () => {
    const plain = routeTable(known.domains, targets, { global: known.global, gitPort, panelPort }, known.said)
    return withTls(plain, known.served, challenges)
  }

  /** A push that has not begun yet takes every change made so far, and is shared by all who want one. */
  const push = (): Promise<Outcome> => {
    waiting ??= running
      .catch(() => null)
      .then(() => {
        waiting = null
        running = pushNow()
        return running
      })
    return waiting
  }

  const pushNow = async (): Promise<Outcome> => {
    if (state === 'stopped') return null
    try {
      await readKnown()
      const outcome = await offer()
      clearTimeout(retry)
      retry = undefined
      return outcome
    } catch (error) {
      retryLater()
      throw error
    }
  }

  /** Domains and settings that do not fit must not keep other apps from switching: those before them are used. */
  const offer = async (): Promise<Outcome> => {
    try {
      await apply()
      good = known
      return null
    } catch (error) {
      if (!isRefused(error) || good === null || good === known) throw error
      known = good
      await apply()
      return error
    }
  }

  const apply = async () => {
    used = null
    used = await step('proxy: apply', () => proxy().apply(table(), textOf))
    started.resolve()
  }

  const textOf: Parts = async (id) => {
    if (known.served.values().some((part) => part === id)) return pairText(await certificates.pair(id))
    const text = await routing.page(id)
    if (text !== null) return text
    throw new UserError('unavailable', 'A page of maintenance was changed just now; the routes are pushed again.')
  }

  const readKnown = async () => {
    if (!knownIsOld) return
    // Before the question: a change that is made while it is answered asks again.
    knownIsOld = false
    try {
      const names = await Promise.all([domains.list(), certificates.list(), certificates.without(), domains.global()])
      const [list, issued, without, global] = names
      const [rules, trusted, links] = await Promise.all([routing.list(), routing.trusted(), openLinks()])
      const served = servedWith({ domains: list, certificates: issued, without, global }, new Date())
      known = { domains: list, global, said: { rules, trusted, links }, served }
    } catch (error) {
      knownIsOld = true
      throw error
    }
  }

  const retryLater = () => {
    if (retry !== undefined) clearTimeout(retry)
    else log.warn('the routes were not pushed; trying again until they are')
    retry = setTimeout(() => void push().catch(() => {}), retryAfter)
    retry.unref()
  }

  /** A proxy that was started again uses the table that was saved for it: an older one, or none, when saving failed. */
  const compare = async () => {
    const expected = used
    if (expected === null) return
    const status = await proxy().status()
    if (!status.running || status.table === expected || used !== expected) return
    log.warn('the proxy does not use the table that was pushed; pushing it again')
    await push()
  }

  const requireStart = () => {
    if (state !== 'started') {
      throw new UserError('unavailable', 'The routes are not ready yet.', 'The kernel is starting; try again.')
    }
  }

  const change = async (app: string, to: readonly string[] | 'held') => {
    requireStart()
    const before = targets.get(app) ?? []
    targets.set(app, to)
    try {
      await push()
    } catch (error) {
      // It will never fit: nothing has changed, and nothing shall.
      if (isRefused(error) && targets.get(app) === to) targets.set(app, before)
      throw error
    }
  }

  const refresh = async () => {
    knownIsOld = true
    const refusal = state === 'started' ? await push() : null
    if (refusal) throw refusal
  }

  return {
    table,
    started: started.promise,
    refresh,
    async switchAll(all) {
      targets.clear()
      for (const [app, addresses] of Object.entries(all)) targets.set(app, addresses)
      state = 'started'
      comparing ??= setInterval(() => void compare().catch(() => {}), compareEvery).unref()
      await push()
    },
    switchTo: change,
    hold: (app) => change(app, 'held'),
    inflight: (addresses) => proxy().inflight(addresses),
    async ready() {
      requireStart()
      const { running: answers } = await step('proxy: status', () => proxy().status())
      if (answers) return
      throw new UserError('unavailable', 'The proxy does not answer.', 'It is started again by itself; try again.')
    },
    async forget(app) {
      targets.delete(app)
      await refresh()
    },
    stop() {
      state = 'stopped'
      clearTimeout(retry)
      clearInterval(comparing)
    },
  }
}

/** What the store says. */
interface Known {
  readonly domains: readonly Domain[]
  readonly global: string
  readonly said: Said
  readonly served: Served
}

/** Why the newest domains and settings are not in the table that was pushed; null: they are. */
type Outcome = UserError | null

function isRefused(error: unknown): error is UserError {
  return error instanceof UserError && error.code === 'refused'
}
