/** Keeps the proxy's table equal to the domains and to the targets that serve each app. */
import type { ProxyDriver } from '../devices/classes/proxy.ts'
import type { OpenLink } from '../domain/link.ts'
import type { Domain, RouteTable, Traffic } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Domains } from '../state/store.ts'
import { step } from '../steps.ts'
import { routeTable } from './table.ts'

export interface Routes extends Traffic {
  /** Domains or links have changed. Resolves when the proxy uses them; before `switchAll` there is nothing to do. */
  refresh(): Promise<void>
  /** The app is gone, and so are its domains. */
  forget(app: string): Promise<void>
  /** The newest table, which the proxy has or will have. */
  table(): RouteTable
  /** Ends the retries; nothing is pushed any more. */
  stop(): void
}

export interface RoutesParts {
  readonly domains: Pick<Domains, 'list' | 'global'>
  /** Who may call whom inside the server; asked whenever something has changed. */
  readonly links: () => Promise<readonly OpenLink[]>
  readonly gitPort: number
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
  const { domains, links, gitPort, proxy, log, retryAfter = 1_000, compareEvery = 5_000 } = parts
  const targets = new Map<string, readonly string[] | 'held'>()
  let hosts: readonly Domain[] = []
  let open: readonly OpenLink[] = []
  let global = ''
  let hostsAreOld = true
  let state: 'new' | 'started' | 'stopped' = 'new'
  let running: Promise<void> = Promise.resolve()
  let waiting: Promise<void> | null = null
  let retry: NodeJS.Timeout | undefined
  let comparing: NodeJS.Timeout | undefined
  /** Mark of the table that the proxy was last seen to use; null while another is on its way. */
  let used: string | null = null

  const table = () => routeTable(hosts, targets, { global, gitPort }, open)

  /** A push that has not begun yet takes every change made so far, and is shared by all who want one. */
  const push = (): Promise<void> => {
    waiting ??= running
      .catch(() => {})
      .then(() => {
        waiting = null
        running = pushNow()
        return running
      })
    return waiting
  }

  const pushNow = async () => {
    if (state === 'stopped') return
    try {
      await readHosts()
      used = null
      used = await step('proxy: apply', () => proxy().apply(table()))
      clearTimeout(retry)
      retry = undefined
    } catch (error) {
      retryLater()
      throw error
    }
  }

  const readHosts = async () => {
    if (!hostsAreOld) return
    // Before the question: a change that is made while it is answered asks again.
    hostsAreOld = false
    try {
      const now = await Promise.all([domains.list(), domains.global(), links()])
      hosts = now[0]
      global = now[1]
      open = now[2]
    } catch (error) {
      hostsAreOld = true
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
      const refused = error instanceof UserError && error.code === 'refused'
      if (refused && targets.get(app) === to) targets.set(app, before)
      throw error
    }
  }

  const refresh = async () => {
    hostsAreOld = true
    if (state === 'started') await push()
  }

  return {
    table,
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
