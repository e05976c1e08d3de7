/** `domains:*` and `redirects:*`: who has which host, path or redirect. They enter at route and roll nothing out. */

import type { App } from '../domain/app.ts'
import { addressOf, loopIn, mostAddresses, partsOf, sharing } from '../domain/claims.ts'
import type { Operation } from '../domain/operation.ts'
import type { Domain, Redirect } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import type { Asker, Change, Changes, Parts } from './change.ts'
import type { Routed, RoutePlan } from './routed.ts'

/** Makes of an app's own addresses those that it shall have. */
export type Choose = (had: readonly string[]) => readonly string[]

export interface Claiming {
  /** What other apps hold is taken from them. */
  readonly take: boolean
  /** Whether whoever asks may change the app with this id. */
  may(app: string): boolean
}

export function createDomainChanges({ store, journal }: Parts, changes: Changes, routed: Routed) {
  const named = async (id: string) => (await store.apps.byId(id))?.name ?? id

  async function planDomains(app: App, choose: Choose, { take, may }: Claiming, actor: string): Promise<RoutePlan> {
    const all = await store.domains.list()
    const own = all.filter((domain) => domain.app === app.id)
    const had = own.filter(({ kind }) => kind === 'custom').map(addressOf)
    const wanted = [...new Set(choose(had))]
    const added = without(wanted, own.filter(({ kind }) => kind !== 'redirect').map(addressOf))
    const removed = without(had, wanted)
    checkCount(app, own.length, own.length + added.length - removed.length)
    const holders = all.filter((domain) => added.includes(addressOf(domain)))
    for (const holder of holders) await checkHolder(app, holder, take)
    await checkSharing(app, all, added, may, actor)
    const gone = new Set([...removed, ...added])
    checkLoops([...all.filter((domain) => !gone.has(addressOf(domain))), ...added.map((one) => claim(app, one))])
    const moves = await Promise.all(
      holders.map(async (holder): Promise<Operation> => {
        return { do: 'move-route', host: addressOf(holder), from: await named(holder.app), app: app.name }
      }),
    )
    const fresh = without(added, holders.map(addressOf))
    return {
      operations: [
        ...removed.map((host): Operation => ({ do: 'remove-route', host, app: app.name })),
        ...moves,
        ...fresh.map((host): Operation => ({ do: 'route', host, app: app.name })),
      ],
      apps: [app.id, ...new Set(holders.map((holder) => holder.app))],
      write: () => store.domains.set(app.id, wanted, holders),
      async done() {
        for (const holder of holders) await tell(holder, app, actor)
      },
      result: `${app.name} ${wanted.length > 0 ? `answers at ${wanted.join(', ')}` : 'has no domains of its own'}.`,
    }
  }

  async function checkHolder(app: App, holder: Domain, take: boolean): Promise<void> {
    const address = addressOf(holder)
    if (holder.app === app.id)
      throw new UserError(
        'conflict',
        `${address} redirects to ${holder.redirect?.to}.`,
        `Take the redirect away first: redirects:remove ${app.name} ${address}`,
      )
    const owner = await named(holder.app)
    if (holder.kind === 'default' && take)
      throw new UserError('conflict', `${address} follows the name of the app ${owner}; it cannot be taken.`)
    if (!take)
      throw new UserError(
        'conflict',
        `${address} is already a domain of the app ${owner}.`,
        holder.kind === 'default' ? undefined : `Take it from there: domains:add ${app.name} ${address} --take`,
      )
  }

  /** Who holds it, and who has something beside it: a browser makes no difference between the apps of one host. */
  async function checkSharing(
    app: App,
    all: readonly Domain[],
    addresses: readonly string[],
    may: Claiming['may'],
    actor: string,
  ): Promise<void> {
    const other = sharing(all, app.id, addresses).find((domain) => !may(domain.app))
    if (!other) return
    const whose = `${addressOf(other)} is a domain of the app ${await named(other.app)}`
    throw new UserError('forbidden', `${whose}, which ${actor} may not change.`)
  }

  async function planRedirect(app: App, host: string, to: Redirect, may: Claiming['may'], actor: string) {
    const all = await store.domains.list()
    const holder = all.find((domain) => addressOf(domain) === host)
    if (holder && (holder.app !== app.id || holder.kind !== 'redirect'))
      throw new UserError(
        'conflict',
        `${host} is already a domain of the app ${await named(holder.app)}.`,
        holder.kind === 'custom'
          ? `Take it away there first: domains:remove ${await named(holder.app)} ${host}`
          : undefined,
      )
    await checkSharing(app, all, [host], may, actor)
    const had = all.filter((domain) => domain.app === app.id).length
    checkCount(app, had, holder ? had : had + 1)
    const redirect: Domain = { host, app: app.id, kind: 'redirect', redirect: to }
    checkLoops([...all.filter((domain) => domain !== holder), redirect])
    const same = holder?.redirect?.to === to.to && holder.redirect.status === to.status
    return {
      operations: same ? [] : [{ do: 'redirect', host, ...to } as const],
      apps: [app.id],
      write: () => store.domains.redirect(app.id, host, to),
      result: `${host} redirects to ${to.to}.`,
    }
  }

  async function planCanonical(app: App, host: string | null): Promise<RoutePlan> {
    const own = await store.domains.ofApp(app.id)
    const hosts = own.filter(({ kind, path }) => kind !== 'redirect' && path === undefined)
    const had = hosts.find(({ canonical }) => canonical)?.host ?? null
    if (host?.startsWith('*.'))
      throw new UserError('usage', `Nobody can be sent to ${host}; name one host that it stands for.`)
    if (host !== null && !hosts.some((domain) => domain.host === host))
      throw new UserError(
        'not-found',
        `${host} is not a domain of ${app.name}.`,
        `Add it first: domains:add ${app.name} ${host}`,
      )
    const what =
      host === null ? `no domain of ${app.name} redirects to another` : `redirect the domains of ${app.name} to ${host}`
    return {
      operations: had === host ? [] : [{ do: 'rule', app: app.name, what }],
      apps: [app.id],
      write: () => store.domains.setCanonical(app.id, host),
      result:
        host === null
          ? `${app.name} answers at all its domains.`
          : `The other domains of ${app.name} redirect to ${host}.`,
    }
  }

  async function tell(holder: Domain, app: App, actor: string): Promise<void> {
    const from = { id: holder.app, name: await named(holder.app) }
    journal.record({
      kind: 'app',
      app: from,
      text: `${addressOf(holder)} moved from ${from.name} to ${app.name}, by ${actor}.`,
    })
  }

  return {
    /** Replaces the app's own domains by what `choose` makes of those that it has on its turn. */
    async route(app: App, choose: Choose, asker: Asker, dryRun: boolean, claiming: Claiming): Promise<Change> {
      const plan = (now: App) => () => planDomains(now, choose, claiming, asker.actor)
      if (dryRun) return routed.change(app, true, plan(app))
      return changes.run('domains', app, asker, async (job, now) => {
        const { result } = await routed.change(now, false, plan(now), job.did)
        return { result }
      })
    },

    redirect(app: App, host: string, to: Redirect, asker: Asker, dryRun: boolean, may: Claiming['may']) {
      return routed.change(app, dryRun, () => planRedirect(app, host, to, may, asker.actor))
    },

    unredirect(app: App, host: string, dryRun: boolean): Promise<Change> {
      return routed.change(app, dryRun, async () => {
        const own = await store.domains.ofApp(app.id)
        if (!own.some((domain) => domain.kind === 'redirect' && domain.host === host))
          throw new UserError(
            'not-found',
            `${app.name} does not redirect ${host}.`,
            `See what it does: redirects:list ${app.name}`,
          )
        return {
          operations: [{ do: 'rule', app: app.name, what: `stop redirecting ${host}` }],
          apps: [app.id],
          write: () => store.domains.remove(app.id, [host]),
          result: `${host} redirects nowhere any more.`,
        }
      })
    },

    /** Moves every app's default host under it. */
    setGlobal(domain: string): Promise<{ was: string; late: string }> {
      return routed.inTurn(async () => {
        const was = await store.domains.global()
        await store.domains.setGlobal(domain)
        return { was, late: await routed.acceptedOr(() => store.domains.setGlobal(was)) }
      })
    },

    /** Null: the app answers at all its domains again. */
    setCanonical(app: App, host: string | null, dryRun: boolean): Promise<Change> {
      return routed.change(app, dryRun, () => planCanonical(app, host))
    },
  }
}

/** Whoever has more already may take some away. */
function checkCount(app: App, had: number, becomes: number): void {
  if (becomes <= mostAddresses || becomes <= had) return
  const message = `${app.name} would have ${becomes} domains, paths and redirects; an app may have ${mostAddresses}.`
  throw new UserError('refused', message, `Let a wildcard answer for many: domains:add ${app.name} '*.example.com'`)
}

function checkLoops(domains: readonly Domain[]): void {
  const loop = loopIn(domains)
  if (loop)
    throw new UserError('conflict', `${loop.host} would redirect to ${loop.redirect?.to}, and so back to itself.`)
}

function claim(app: App, address: string): Domain {
  return { ...partsOf(address), app: app.id, kind: 'custom' }
}

function without(list: readonly string[], others: readonly string[]): string[] {
  return list.filter((one) => !others.includes(one))
}
