/** On random worlds: what something can reach is never removed, and what nothing can reach is. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { planCollection } from './plan.ts'
import { keeps, type Removal, type World } from './world.ts'
import { after, anyWorld, few, neededImages } from './world-for-test.ts'

const runs = { numRuns: 1000 }
const holds = (property: (world: World, plan: Removal[]) => void) =>
  fc.assert(
    fc.property(anyWorld, (world) => property(world, planCollection(world, few))),
    runs,
  )
const releasesOf = (world: World, app: string) => world.releases.filter((one) => one.app === app)

test('an image that a release, a job, a container or a build can reach stays, with all its names', () => {
  holds((world, plan) => {
    const needed = neededImages(world)
    expect(plan.filter((one) => one.kind === 'image' && needed.has(one.image))).toEqual([])
  })
})

test('the release that serves, the newest ones and those that are not decided stay', () => {
  holds((world, plan) => {
    const left = after(world, plan)
    for (const { id, release, busy } of world.apps) {
      const [before, now] = [releasesOf(world, id), releasesOf(left, id).map(({ version }) => version)]
      const served = before.filter(({ served }) => served).slice(0, few.releases)
      const pending = before.filter(({ served }) => !served)
      for (const one of busy ? before : [...served, ...pending]) expect(now).toContain(one.version)
      if (release !== null) expect(now).toContain(release)
      expect(Math.max(0, ...now)).toBe(Math.max(0, ...before.map(({ version }) => version)))
    }
  })
})

test('jobs that run, and those whose build a release names, stay; so do their logs', () => {
  holds((world, plan) => {
    const left = after(world, plan)
    const builds = left.releases.map(({ build }) => build)
    const needed = world.jobs.filter(({ id, active }) => active || builds.includes(id)).map(({ id }) => id)
    const [jobs, logs] = [left.jobs.map(({ id }) => id), left.logs]
    expect(jobs).toEqual(expect.arrayContaining(needed))
    expect(logs).toEqual(expect.arrayContaining(world.logs.filter((id) => needed.includes(id))))
  })
})

test('what runs, what is of an app that is there, and what is not ours stays', () => {
  holds((world, plan) => {
    const left = after(world, plan)
    const there = world.apps.map(({ id }) => id)
    const untouchable = world.containers.filter(({ app, running }) => running || app === null || there.includes(app))
    expect(left.containers).toEqual(expect.arrayContaining(untouchable))
    const connected = world.containers.filter(({ running }) => running).map(({ app }) => app)
    for (const network of world.networks) {
      if (there.includes(network.app) || connected.includes(network.app)) expect(left.networks).toContainEqual(network)
    }
    expect(left.repositories).toEqual(expect.arrayContaining(world.repositories.filter((id) => there.includes(id))))
  })
})

test('nothing is planned that is not there', () => {
  holds((world, plan) => {
    const names = world.images.flatMap((image) => image.names)
    for (const one of plan) {
      if (one.kind === 'image') expect(names).toContain(one.name)
      if (one.kind === 'container') expect(world.containers.map(({ id }) => id)).toContain(one.id)
      if (one.kind === 'logs') expect(world.logs).toEqual(expect.arrayContaining([...one.ids]))
    }
  })
})

test('what no release, job or container can reach goes', () => {
  holds((world, plan) => {
    const left = after(world, plan)
    const there = world.apps.map(({ id }) => id)
    const reached = new Set([...neededImages(world), ...left.releases.flatMap(({ images }) => images)])
    expect(left.images.filter(({ id }) => !reached.has(id))).toEqual([])
    expect(left.repositories.filter((id) => !there.includes(id))).toEqual([])
    for (const id of there) {
      const { busy } = world.apps.find((app) => app.id === id) as World['apps'][number]
      const own = releasesOf(left, id).filter(({ served }) => served)
      if (!busy) expect(own.length).toBeLessThanOrEqual(few.releases + 1)
    }
  })
})

test('a second collection finds nothing', () => {
  holds((world, plan) => {
    expect(planCollection(after(world, plan), few)).toEqual([])
  })
})

test('the disk budget is kept, unless only what is needed is left', () => {
  holds((world, plan) => {
    const { images, space } = after(world, plan)
    const needed = neededImages(world)
    const over = space.imageBytes + space.cache.bytes > space.budget
    if (over) {
      expect(images.filter(({ id, bytes }) => bytes > 0 && !needed.has(id))).toEqual([])
      expect(space.cache.bytes).toBe(space.cache.used)
    }
  })
})

test('within the budget nothing goes that a rollback would have to build again', () => {
  holds((world, plan) => {
    const left = after(world, plan)
    const wanted = new Set(left.releases.flatMap(({ images }) => images))
    const reached = new Set([...neededImages(world), ...wanted])
    const useless = world.images.filter(({ id }) => !reached.has(id)).reduce((sum, { bytes }) => sum + bytes, 0)
    const { imageBytes, cache, budget } = world.space
    if (imageBytes - useless + cache.bytes > budget) return
    expect(plan.filter((one) => one.kind === 'cache' || (one.kind === 'image' && wanted.has(one.image)))).toEqual([])
  })
})

test('200 apps with 500 releases each are planned in no time', () => {
  const world = crowded(200, 500)
  const before = process.cpuUsage()
  const plan = planCollection(world)
  // Microseconds of work, whatever else the machine does. Measured: 0.15 s.
  expect(process.cpuUsage(before).user).toBeLessThan(1.5e6)
  expect(plan.filter(({ kind }) => kind === 'releases')).toHaveLength(200)
  expect(plan.filter(({ kind }) => kind === 'image')).toHaveLength(200 * (500 - keeps.releases))
})

/** Every release has an image of its own, and the newest one serves. */
function crowded(apps: number, releases: number): World {
  const ids = Array.from({ length: apps }, (_, index) => (index + 1).toString(16).padStart(8, '0'))
  const versions = Array.from({ length: releases }, (_, index) => releases - index)
  const pairs = ids.flatMap((app) => versions.map((version) => ({ app, version, id: `sha256:${app}-${version}` })))
  return {
    now: Date.now(),
    apps: ids.map((id) => ({ id, name: `app-${id}`, release: releases, busy: false })),
    releases: pairs.map(({ app, version, id }) => ({
      ...{ app, version, served: true, commit: `${version}`, build: null, images: [id] },
    })),
    images: pairs.map(({ app, version, id }) => ({
      ...{ id, app, names: [`megapolos/app-${app}:${version}`], bytes: 1_000_000, namedAt: null },
    })),
    bases: new Set(),
    containers: ids.map((app) => ({ id: app, name: app, app, image: `sha256:${app}-${releases}`, running: true })),
    networks: ids.map((app) => ({ name: app, app })),
    repositories: ids,
    jobs: pairs.map(({ app }, index) => ({
      id: pairs.length - index,
      app,
      active: false,
      createdAt: new Date().toISOString(),
    })),
    logs: [],
    expiredAudit: 0,
    space: { imageBytes: 1e10, cache: { bytes: 0, used: 0 }, budget: Number.POSITIVE_INFINITY },
  }
}
