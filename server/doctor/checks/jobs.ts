/** Jobs that should have ended: everybody who wants to change that app waits for them. */
import type { Job } from '../../domain/job.ts'
import { check } from '../check.ts'

export interface JobFacts {
  readonly running: readonly (Pick<Job, 'id' | 'kind'> & { readonly app: string; readonly minutes: number })[]
}

/** Minutes. Builds end long before. */
const longest = 60

export const jobs = check<JobFacts>({
  name: 'jobs',
  about: 'The jobs',
  needs: ['store'],
  remedy: (commands) => commands.restart('rqlite'),
  async probe({ store, now }) {
    const [active, apps] = await Promise.all([store.jobs.list({ active: true, limit: 1000 }), store.apps.list()])
    const names = new Map(apps.map(({ id, name }) => [id, name]))
    const running = active.flatMap(({ id, kind, app, startedAt }) =>
      startedAt === null
        ? []
        : [{ id, kind, app: names.get(app ?? '') ?? 'no app', minutes: (now() - Date.parse(startedAt)) / 60_000 }],
    )
    return { running }
  },
  judge: ({ running }, commands) =>
    running
      .filter(({ minutes }) => minutes > longest)
      .map(({ id, kind, app, minutes }) => ({
        severity: 'warning',
        problem: `Job ${id} (${kind} of ${app}) has run for ${Math.floor(minutes)} min; other changes of ${app} wait for it.`,
        fix: commands.kernel(`jobs:cancel ${id}`),
      })),
})
