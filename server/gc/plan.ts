/** What can go: whatever no app, no release that is kept, no job and no container can reach. Pure. */
import { bytesText } from '../domain/bytes.ts'
import { planImages } from './images.ts'
import { day, type Keeps, type KeptReleases, type Removal, keeps as usual, type World } from './world.ts'

/** In the order in which it is to be done. */
export function planCollection(world: World, keeps: Keeps = usual): Removal[] {
  const kept = keptReleases(world, keeps)
  const leftOvers = leftOverContainers(world)
  const containers = world.containers.filter((one) => !leftOvers.includes(one))
  const images = planImages({ ...world, containers }, kept, keeps)
  return [
    ...leftOvers.map(({ id, name }): Removal => ({ kind: 'container', app: null, id, name, why: 'its app is gone' })),
    ...networksOfNoApp(world),
    ...repositoriesOfNoApp(world),
    ...oldReleases(world, kept, keeps),
    ...images.removals,
    ...oldJobs(world, kept, keeps),
    ...cache(world, images.cacheKept),
  ]
}

/** Of each app: the pending ones, the one that serves, the newest, and those that a rollback may go to. */
function keptReleases({ apps, releases }: World, keeps: Keeps): KeptReleases {
  const ofApp = Map.groupBy(releases, ({ app }) => app)
  return new Map(
    apps.map(({ id, release: serving, busy }) => {
      const own = ofApp.get(id) ?? []
      const served = own.filter(({ served }) => served)
      const newest = new Set(served.slice(0, keeps.releases))
      return [id, own.filter((one) => busy || !one.served || one.version === serving || newest.has(one))]
    }),
  )
}

function oldReleases({ apps, releases }: World, kept: KeptReleases, keeps: Keeps): Removal[] {
  const ofApp = Map.groupBy(releases, ({ app }) => app)
  const why = `the newest ${keeps.releases} of an app are kept`
  return apps.flatMap(({ id: app, name }) => {
    const stays = new Set(kept.get(app))
    const versions = (ofApp.get(app) ?? []).filter((one) => !stays.has(one)).map(({ version }) => version)
    return versions.length > 0 ? [{ kind: 'releases' as const, app, name, versions: versions.reverse(), why }] : []
  })
}

/** Those that run are the rollout's, which stops what belongs to no app. */
function leftOverContainers({ apps, containers }: World): World['containers'] {
  const there = new Set(apps.map(({ id }) => id))
  return containers.filter(({ app, running }) => app !== null && !running && !there.has(app))
}

function networksOfNoApp({ apps, networks, containers }: World): Removal[] {
  const used = new Set([
    ...apps.map(({ id }) => id),
    ...containers.filter(({ running }) => running).map(({ app }) => app),
  ])
  return networks
    .filter(({ app }) => !used.has(app))
    .map(({ name }) => ({ kind: 'network', app: null, name, why: 'its app is gone' }))
}

function repositoriesOfNoApp({ apps, repositories }: World): Removal[] {
  const there = new Set(apps.map(({ id }) => id))
  return repositories
    .filter((id) => !there.has(id))
    .map((id) => ({ kind: 'repository', app: null, id, why: 'its app is gone' }))
}

function oldJobs({ now, jobs, logs, expiredAudit }: World, kept: KeptReleases, keeps: Keeps): Removal[] {
  const named = new Set([...kept.values()].flat().map(({ build }) => build))
  const seen = new Map<string | null, number>()
  const old = jobs.filter(({ id, app, active, createdAt }) => {
    const newer = seen.get(app) ?? 0
    seen.set(app, newer + 1)
    const isOld = newer >= keeps.jobs || Date.parse(createdAt) < now - keeps.jobDays * day
    return isOld && !active && !named.has(id)
  })
  const there = new Set(jobs.map(({ id }) => id))
  const lost = logs.filter((id) => !there.has(id))
  const removals: Removal[] = []
  if (old.length > 0) {
    const why = `the newest ${keeps.jobs} of an app are kept, for ${keeps.jobDays} days`
    removals.push({ kind: 'jobs', app: null, ids: old.map(({ id }) => id), why })
  }
  if (lost.length > 0) removals.push({ kind: 'logs', app: null, ids: lost, why: 'their jobs are gone' })
  if (expiredAudit > 0) {
    const why = `the newest ${keeps.audit} are kept, for ${keeps.auditDays} days`
    removals.push({ kind: 'audit', app: null, count: expiredAudit, why })
  }
  return removals
}

function cache({ space }: World, keep: number): Removal[] {
  const bytes = space.cache.bytes - keep
  if (bytes <= 0) return []
  const why = `images and build cache may take ${bytesText(Math.max(0, space.budget))}`
  return [{ kind: 'cache', app: null, keep, bytes, why }]
}
