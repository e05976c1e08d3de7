/** What a kernel that was killed left in the store: jobs are told as they ended, and what serves nobody is taken back. */
import type { Job } from './domain/job.ts'
import type { JobQueue } from './jobs/queue.ts'
import type { Store } from './state/store.ts'

/** Called once at start, before anything new begins. */
export async function settleAftermath(store: Store, jobs: JobQueue): Promise<void> {
  await jobs.recover((job) => decision(store, job))
  await Promise.all([store.releases.discardPending(), store.builds.interruptAll(), store.databases.interruptAll()])
}

/**
 * One job at a time changes an app, so a release that serves and is younger than the job is the job's own. Null: it had
 * made none serve, and what it had begun is taken back.
 */
async function decision(store: Store, { app: id, kind, startedAt }: Job): Promise<string | null> {
  const app = id === null ? null : await store.apps.byId(id)
  if (!app || app.release === null || startedAt === null) return null
  const release = await store.releases.get(app.id, app.release)
  if (!release || release.createdAt < startedAt) return null
  // They are saved once they serve, and that may not have been reached.
  if (kind === 'config' || kind === 'rollback') await store.config.replace(app.id, release.config)
  if (attaches.includes(kind)) await store.attachments.replace(app.id, release.attachments)
  return `v${release.version} is live. The kernel was lost right after it had switched.`
}

/** Kinds of jobs whose release says what is attached from then on. */
const attaches = ['attach', 'detach', 'promote', 'rollback', 'push']
