/**
 * push → build → release → rollout → route: the only file that knows the order. A push enters at the front; what enters at
 * release (`config:set`, `db:attach`) is in changes/releases.ts, what enters later needs no order: changes/late.ts.
 */
import type { Readable } from 'node:stream'
import type { Built } from './build/build.ts'
import { type Asker, type Change, createChanges, type Parts, secondsSince, timed } from './changes/change.ts'
import { createLateChanges } from './changes/late.ts'
import { createReleaseChanges } from './changes/releases.ts'
import { type App, type Formation, type ProcessScale, scaleOf } from './domain/app.ts'
import type { Operation } from './domain/operation.ts'
import { type Release, runningTypes } from './domain/release.ts'
import { UserError } from './errors.ts'
import type { RunningJob } from './jobs/queue.ts'
import { acceptable, type Push, unmoved } from './push/receive.ts'
import { type ReleaseInput, release } from './release/release.ts'
import { step } from './steps.ts'

export type Pipeline = ReturnType<typeof createPipeline>

export function createPipeline(parts: Parts) {
  const { store, repositories, build, rollout, attachments } = parts
  const changes = createChanges(parts)
  const late = createLateChanges(parts, changes, serving, withImages)

  async function serving(app: App): Promise<Release> {
    const found = app.release === null ? null : await store.releases.get(app.id, app.release)
    if (found) return found
    throw new UserError('conflict', `${app.name} has no release yet.`, 'Push it first: git push megapolos main')
  }

  /** The tar is spooled, built, and gone again; on a full disk it is not even asked for. */
  async function built(
    app: App,
    tar: () => Readable,
    { commit, tree }: Pick<Release, 'commit' | 'tree'>,
    config: Release['config'],
    job: RunningJob,
    check = async () => {},
  ): Promise<Built> {
    await parts.room(job)
    const source = await step('tree taken in', () => parts.spool(tar(), job.signal))
    try {
      await check()
      job.emit('-----> Building')
      const { id, emit, signal } = job
      const images = await timed(job, 'built', () =>
        build.build({ app, commit, tree, source, config, id, emit, signal }),
      )
      if (!images.reused) job.did({ do: 'build', commit })
      return images
    } finally {
      await source.remove()
    }
  }

  /** release → links → logins → rollout → route: makes a release of this content serve, or leaves no trace of it. */
  async function serve(input: ReleaseInput, formation: Formation, job: RunningJob): Promise<Release> {
    const { app } = input
    await late.checkExclusive(app, formation)
    const made = await release(store.releases, input)
    try {
      await attachments.links.prepare(app, made, job)
      job.emit(`-----> Releasing v${made.version}`)
      job.did({ do: 'release', description: input.description })
      await attachments.logins.prepare(app, made, job)
      if (made.processes.release) await timed(job, 'release task done', () => rollout.releaseTask(app, made, job))
      job.emit(`-----> Rolling out v${made.version}`)
      await timed(job, 'rolled out', () => rollout.deploy(app, made, formation, job))
      return made
    } catch (error) {
      await withdraw(app, made).catch(() => {})
      throw error
    } finally {
      // Logins that nothing uses any more: of the release before, or of this one.
      void attachments.attend()
    }
  }

  /** Once it serves it stays. With the store away it stays pending, which is in no list, until the next start. */
  async function withdraw(app: App, made: Release): Promise<void> {
    const now = await store.apps.byId(app.id)
    if (now?.release === made.version) return
    await attachments.links.withdraw(app)
    await attachments.logins.withdraw(app)
    await store.releases.discard(app.id, made.version)
  }

  async function plan(
    app: App,
    from: Release,
    description: string,
    before: readonly Operation[] = [],
  ): Promise<Change> {
    const task: Operation[] = from.processes.release ? [{ do: 'release-task' }] : []
    const rolling = await rollout.plan(app, from, await store.formations.get(app.id), 'deploy')
    const build: Operation[] = (await hasImages(from)) ? [] : [{ do: 'build', commit: from.commit }]
    return changes.planned(app, [...before, ...build, { do: 'release', description }, ...task, ...rolling])
  }

  async function push(app: App, pushed: Push, tar: Readable, asker: Asker, job: RunningJob): Promise<Release> {
    const began = performance.now()
    const branch = acceptable(pushed, app)
    const of = { commit: pushed.new, tree: pushed.tree }
    const stillThere = async () => unmoved(pushed, await repositories.ref(app.id, pushed.ref), branch)
    // None of them changes while this has the app's turn.
    const [config, saved, links, known, url] = await Promise.all([
      store.config.get(app.id),
      store.attachments.ofApp(app.id),
      store.links.ofApp(app.id),
      store.formations.get(app.id),
      parts.url(app),
    ])
    const content = { ...of, ...(await built(app, () => tar, of, config, job, stillThere)) }
    const formation = wished(known, content, app, job)
    const description = `Push ${pushed.new.slice(0, 7)}`
    const wishes = app.release === null ? content.addons : []
    const addons = await attachments.provide(app, wishes, { config, saved, actor: asker.actor }, job)
    const all = [...saved, ...addons.references]
    const input = { app, content, config, attachments: all, links, description, actor: asker.actor }
    const made = await serve(input, formation, job).catch((error) => addons.undo().then(() => Promise.reject(error)))
    await addons.save()
    // It serves: whatever fails from here on is no reason to refuse. A branch that stays unclaimed is the next push's.
    if (app.branch === null) await store.apps.claimBranch(app.id, branch).catch(() => false)
    job.emit(`-----> ${app.name} v${made.version} is live at ${url} (${secondsSince(began)} in all)`)
    return made
  }

  return {
    ...late,
    ...createReleaseChanges(parts, changes, { serving, serve, plan, withImages }),

    /** The release that serves, or did before a stop; throws `conflict` before the first push. */
    serving,

    /** Resolves when the push is decided; its turn lasts until git has moved the ref, so that the next one sees it. */
    push(app: App, pushed: Push, tar: Readable, asker: Asker): Promise<Change> {
      return new Promise((decided, refused) => {
        const work = async (job: RunningJob, now: App) => {
          const { version } = await push(now, pushed, tar, asker, job)
          const result = `v${version} is live.`
          decided({ app: app.name, release: version, planned: false, operations: [], result })
          const moved = await step('ref moved', () => repositories.awaitRef(app.id, pushed.ref, pushed.new, 5000))
          return {
            result: moved ? result : `${result} The pusher was gone by then: ${pushed.ref} has not moved.`,
            release: version,
          }
        }
        changes.run('push', app, asker, work).catch(refused)
      })
    },
  }

  function hasImages(release: Release): Promise<boolean> {
    return parts.hasImages(Object.values(release.processes).map(({ image }) => image))
  }

  /**
   * Images that somebody pruned, or that stayed behind when the server was restored, are built again, from the commit and
   * the config vars that they were built from. It stays the same release: its images only have other ids.
   */
  async function withImages(app: App, release: Release, job: RunningJob): Promise<Release> {
    if (await hasImages(release)) return release
    job.emit(`-----> An image of v${release.version} is gone; building ${release.commit.slice(0, 7)} again`)
    const tree = () => repositories.archive(app.id, release.commit)
    const again = await built(app, tree, release, release.config, job)
    const images = Object.entries(release.processes).map(([type, { image }]) => [
      image,
      again.processes[type]?.image ?? image,
    ])
    await store.releases.replaceImages(app.id, Object.fromEntries(images))
    return (await store.releases.get(app.id, release.version)) ?? release
  }
}

/** Types that nobody ever scaled take the quantity that app.json wishes; a type that stays at none is said. */
function wished(known: Formation, built: Built, app: App, job: RunningJob): Formation {
  const fresh: Record<string, ProcessScale> = {}
  for (const type of runningTypes(built)) {
    if (Object.hasOwn(known, type)) continue
    const scale = scaleOf({}, type)
    fresh[type] = { ...scale, quantity: wishedQuantity(built, type) ?? scale.quantity }
    if (fresh[type].quantity === 0)
      job.emit(`       ${type} is not running: ssh megapolos ps:scale ${app.name} ${type}=1`)
  }
  return { ...known, ...fresh }
}

/** A type may have the name of what every object has. */
function wishedQuantity({ formation }: Built, type: string): number | undefined {
  return Object.hasOwn(formation, type) ? formation[type] : undefined
}
