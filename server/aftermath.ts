/** What a kernel that was killed left in the store: jobs are told as they ended, and what serves nobody is taken back. */
import { type App, scaleOf } from './domain/app.ts'
import type { Job } from './domain/job.ts'
import { runningTypes } from './domain/release.ts'
import type { JobQueue } from './jobs/queue.ts'
import type { Store } from './state/store.ts'

/** Called once at start, before anything new begins. */
export async function settleAftermath(store: Store, jobs: JobQueue): Promise<void> {
  await jobs.recover(async (job) => {
    const done = await decision(store, job)
    return done === null ? { to: 'interrupted', text: await interruption(store, job) } : { to: 'succeeded', text: done }
  })
  await Promise.all([
    ...[store.releases.discardPending(), store.builds.interruptAll()],
    ...[store.databases.interruptAll(), store.links.interruptAll()],
  ])
}

/**
 * One job at a time changes an app, so a group that serves and is younger than the job is the job's own. Null: it had
 * switched nothing, and what it had begun is taken back.
 */
async function decision(store: Store, job: Job): Promise<string | null> {
  const { app: id, kind, startedAt } = job
  if (replaces.includes(kind)) return switching(store)
  const app = id === null ? null : await store.apps.byId(id)
  if (!app || app.release === null || startedAt === null) return null
  if (kind === 'stop' && app.stopped) return `${app.name} is stopped. The kernel was lost right after it was decided.`
  const release = await store.releases.get(app.id, app.release)
  if (!release || !(await store.apps.servedSince(app.id, startedAt))) return null
  // They are saved once they serve, and that may not have been reached.
  if (kind === 'config' || kind === 'rollback') await store.config.replace(app.id, release.config)
  if (attaches.includes(kind)) await store.attachments.replace(app.id, release.attachments)
  if (links.includes(kind)) await store.links.replace(app.id, release.links)
  return `v${release.version} is live. The kernel was lost right after it had switched.`
}

/** How the app is now, which nobody who was cut off has seen, and what to type. */
async function interruption(store: Store, { app: id, kind }: Job): Promise<string> {
  const what = 'Interrupted: the kernel stopped while this job was running.'
  const app = id === null ? null : await store.apps.byId(id)
  if (!app) return `${what} To go on with it, type it again.`
  const words = again[kind]?.(app.name) ?? 'type it again'
  return `${what} ${await stateOf(store, app)} If that is not what you wanted: ${words}`
}

/** Kind of a job → what goes on with it. */
const again: Readonly<Record<string, (app: string) => string>> = {
  scale: (app) => `ps:scale ${app} TYPE=NUMBER`,
  limit: (app) => `ps:limit ${app} TYPE=512M`,
  restart: (app) => `ps:restart ${app}`,
  start: (app) => `ps:start ${app}`,
  stop: (app) => `ps:stop ${app}`,
  destroy: (app) => `apps:destroy ${app}`,
  push: () => 'git push megapolos main',
}

async function stateOf(store: Store, app: App): Promise<string> {
  if (app.release === null) return `${app.name} has no release.`
  if (app.stopped) return `${app.name} is stopped.`
  const [release, formation] = await Promise.all([
    store.releases.get(app.id, app.release),
    store.formations.get(app.id),
  ])
  const scale = release ? runningTypes(release).map((type) => `${type}=${scaleOf(formation, type).quantity}`) : []
  return `${app.name} runs v${app.release} at ${scale.join(' ')}.`
}

/** Of the one job that may have done it: with two of them nobody can say whose it was. */
async function switching(store: Store): Promise<string | null> {
  const those = (await store.jobs.list({ active: true, limit: 100 })).filter(({ kind }) => replaces.includes(kind))
  const [name] = those.length === 1 ? await store.databases.halfSwitched() : []
  return name === undefined ? null : `The kernel was lost while ${name} was being switched; it goes on with that.`
}

/** Kinds of jobs that switch a database to other content. */
const replaces = ['restore', 'import']

/** Kinds of jobs whose release says what is attached from then on. */
const attaches = ['attach', 'detach', 'promote', 'rollback', 'push']

/** Kinds of jobs whose release says whom it may call from then on. */
const links = ['link', 'unlink', 'rollback']
