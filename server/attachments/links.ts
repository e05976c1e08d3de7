/** Links: which app may call which by name. The proxy's table and the firewall follow what is noted here. */
import type { App } from '../domain/app.ts'
import { type Link, type LinkReference, linkHost, type OpenLink } from '../domain/link.ts'
import type { Release } from '../domain/release.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Grant } from '../network/firewall.ts'
import { addressIn, internalAddress, poolSize } from '../network/subnets.ts'
import type { AttachmentParts } from './parts.ts'

export function createLinks({ store, firewall, routes, pool, httpPort }: AttachmentParts) {
  const appName = async (id: string) => (await store.apps.byId(id))?.name ?? id

  /** Throws `refused` when it does not fit into the proxy; one that is away gets its table when it is back. */
  async function publish(): Promise<void> {
    await firewall.apply()
    await routes.refresh().catch((error) => {
      if (error instanceof UserError && error.code === 'refused') throw error
    })
  }

  async function open(): Promise<OpenLink[]> {
    const all = await store.links.list()
    if (all.length === 0) return []
    const networks = new Map((await store.apps.list()).map(({ id, subnet }) => [id, subnet]))
    return all.flatMap(({ app, name, target }) => {
      const index = networks.get(app) ?? null
      return index === null ? [] : [{ name, target, from: `${addressIn(pool, index, 0)}/24` }]
    })
  }

  return {
    /** Those that lead somewhere, for the proxy: its table is who may call whom. */
    open,

    /** For the firewall: who may call anybody reaches the address where the proxy listens for that. */
    async grants(): Promise<Grant[]> {
      const networks = new Set((await open()).map(({ from }) => from))
      return [...networks].map((subnet) => ({ subnet, host: internalAddress(pool), port: httpPort }))
    },

    publish,

    /** The link that these wishes make, beside those that the app has. */
    async choose(app: App, had: readonly Link[], target: App, wished: string | null): Promise<LinkReference> {
      if (app.id === target.id)
        throw new UserError('usage', `${app.name} reaches itself without a link.`, 'At localhost, on its own port.')
      const name = wished ?? target.name
      const same = had.find((one) => one.target === target.id)
      if (same) throw new UserError('conflict', `${app.name} calls ${target.name} as ${linkHost(same)} already.`)
      const other = had.find((one) => one.name === name)
      if (!other) return { name, target: target.id }
      const owner = await appName(other.target)
      const what = `${linkHost(other)} leads ${app.name} to ${owner} already.`
      throw new UserError('conflict', what, 'Another name: --as NAME')
    },

    /** The link of the app to this one; throws when there is none. */
    pick(app: App, had: readonly Link[], target: App): Link {
      const found = had.find((one) => one.target === target.id)
      if (found) return found
      const hint = `See whom it calls: links:list ${app.name}`
      throw new UserError('not-found', `${app.name} is not linked to ${target.name}.`, hint)
    },

    /** Throws `conflict` naming an app that was destroyed. */
    async check(links: readonly LinkReference[]): Promise<void> {
      for (const link of links) if (!(await store.apps.byId(link.target))) throw destroyed(link)
    },

    /** Throws `conflict` naming who calls this app. */
    async unused({ id, name }: App): Promise<void> {
      const callers = (await store.links.list()).filter(({ target }) => target === id)
      if (callers.length === 0) return
      const names = [...new Set(await Promise.all(callers.map(({ app }) => appName(app))))]
      const first = names.map((caller) => `links:remove ${caller} ${name}`).join(', ')
      throw new UserError('conflict', `${name} is called by ${names.join(', ')}.`, `First: ${first}`)
    },

    /** Opens what the release may call and the app may not yet: its containers may call as soon as they start. */
    async prepare(app: App, { links }: Release, job: Pick<RunningJob, 'did'>): Promise<void> {
      if (links.length === 0) return
      const had = (await store.links.list()).filter((one) => one.app === app.id)
      const fresh = links.filter((one) => !had.some(({ name, target }) => name === one.name && target === one.target))
      // Who may come in is said by network, so the app must have one.
      if (app.subnet === null) await store.apps.assignSubnet(app.id, poolSize(pool))
      else if (fresh.length === 0) return
      await store.links.prepare(app.id, fresh)
      await publish()
      for (const link of fresh)
        job.did({ do: 'open', host: linkHost(link), app: app.name, target: await appName(link.target) })
    },

    /** Nothing came of what was prepared. */
    async withdraw(app: App): Promise<void> {
      const coming = (await store.links.list()).some((one) => one.app === app.id && one.state === 'coming')
      if (!coming) return
      await store.links.withdraw(app.id)
      await publish()
    },

    /** These and no others, from now on. */
    async replace(app: App, links: readonly LinkReference[]): Promise<void> {
      const had = await store.links.ofApp(app.id)
      await store.links.replace(app.id, links)
      try {
        await publish()
      } catch (error) {
        await store.links.replace(app.id, had)
        await publish()
        throw error
      }
    },
  }
}

function destroyed({ name }: LinkReference): UserError {
  const what = `The app that ${linkHost({ name })} led to was destroyed.`
  return new UserError('conflict', what, `To go on without it: --without ${name}`)
}
