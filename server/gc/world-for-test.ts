/** For tests only: random worlds, what each of them may not lose, and what becomes of one when a plan is carried out. */
import fc from 'fast-check'
import type { StoredImage } from '../engine/storage.ts'
import type { Removal, World } from './world.ts'

/** Small numbers, so that every limit is met. */
export const few = {
  ...{ releases: 3, images: 2, jobs: 3, jobDays: 10, audit: 5, auditDays: 10 },
  ...{ baseAge: 100, cache: 50 },
}

const now = 1_000_000_000_000
const appIds = ['aaaa0001', 'aaaa0002', 'aaaa0003']
const goneIds = ['dead0001', 'dead0002']
const anyApp = fc.constantFrom(...appIds, ...goneIds)
const imageId = fc.integer({ min: 1, max: 12 }).map((number) => `sha256:${number}`)
const daysAgo = fc.integer({ min: 0, max: 20 }).map((days) => new Date(now - days * 86_400_000).toISOString())

const app = (id: string) =>
  fc.record({
    id: fc.constant(id),
    name: fc.constant(`app-${id}`),
    versions: fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 8 }),
    pending: fc.option(fc.nat(7)),
    serves: fc.option(fc.nat(7)),
    busy: fc.boolean(),
    images: fc.array(fc.uniqueArray(imageId, { minLength: 1, maxLength: 2 }), { minLength: 8, maxLength: 8 }),
    builds: fc.array(fc.option(fc.integer({ min: 1, max: 20 })), { minLength: 8, maxLength: 8 }),
  })

const image = fc.record({
  id: imageId,
  app: fc.option(anyApp),
  names: fc.uniqueArray(fc.constantFrom('one', 'two', 'current'), { minLength: 1, maxLength: 3 }),
  bytes: fc.nat(100),
  age: fc.nat(200),
})

const container = fc.record({
  id: fc.uuid(),
  name: fc.constant('c'),
  app: fc.option(anyApp),
  image: imageId,
  running: fc.boolean(),
})

const job = fc.record({
  id: fc.integer({ min: 1, max: 20 }),
  app: fc.option(anyApp),
  active: fc.boolean(),
  createdAt: daysAgo,
})

export const anyWorld: fc.Arbitrary<World> = fc
  .record({
    apps: fc.subarray(appIds).chain((ids) => fc.tuple(...ids.map(app))),
    images: fc.uniqueArray(image, { selector: ({ id }) => id, maxLength: 12 }),
    containers: fc.array(container, { maxLength: 4 }),
    networks: fc.uniqueArray(anyApp).map((apps) => apps.map((id) => ({ name: `mp-${id}`, app: id }))),
    repositories: fc.uniqueArray(anyApp),
    jobs: fc.uniqueArray(job, { selector: ({ id }) => id, maxLength: 20 }),
    logs: fc.uniqueArray(fc.integer({ min: 1, max: 30 })),
    expiredAudit: fc.nat(3),
    shared: fc.nat(300),
    cacheBytes: fc.nat(500),
    cacheUsed: fc.nat(100),
    budget: fc.integer({ min: -100, max: 1500 }),
  })
  .map(({ apps, images, jobs, shared, cacheBytes, cacheUsed, budget, ...rest }) => ({
    ...rest,
    now,
    apps: apps.map(({ id, name, versions, serves, busy }) => ({
      ...{ id, name, busy },
      release: serves === null ? null : (versions[serves] ?? null),
    })),
    releases: apps.flatMap(({ id, versions, serves, pending, images, builds }) =>
      versions
        .map((version, index) => ({
          ...{ app: id, version, build: builds[index] ?? null, images: images[index] ?? [] },
          commit: `commit ${version}`,
          served: index !== pending || index === serves,
        }))
        .sort((a, b) => b.version - a.version),
    ),
    images: images.map(
      ({ id, app, names, bytes, age }): StoredImage => ({
        ...{ id, app, bytes },
        names: names.map((name) => (app === null ? name : `megapolos/app-${app}:${id} ${name}`)),
        namedAt: app === null ? new Date(now - age).toISOString() : null,
      }),
    ),
    bases: new Set(['current']),
    jobs: jobs.sort((a, b) => b.id - a.id),
    space: {
      imageBytes: shared + images.reduce((sum, { bytes }) => sum + bytes, 0),
      cache: { bytes: Math.max(cacheBytes, cacheUsed), used: cacheUsed },
      budget,
    },
  }))

/** Every image that a release to go back to in any case, a job, a container or a build can reach. */
export function neededImages(world: World): Set<string> {
  const there = world.apps.map(({ id }) => id)
  const stays = world.containers.filter(({ app, running }) => running || app === null || there.includes(app))
  const needed = new Set(stays.map(({ image }) => image))
  for (const { id, release: serving, busy } of world.apps) {
    const own = world.releases.filter(({ app }) => app === id)
    const newest = own.filter(({ served }) => served).slice(0, few.images)
    for (const one of own) {
      if (busy || !one.served || one.version === serving || newest.includes(one)) {
        for (const image of one.images) needed.add(image)
      }
    }
    if (busy) for (const image of world.images) if (image.app === id) needed.add(image.id)
  }
  for (const { id, app, names, namedAt } of world.images) {
    const isYoung = namedAt !== null && Date.parse(namedAt) > world.now - few.baseAge
    if (app === null && (isYoung || names.includes('current'))) needed.add(id)
  }
  return needed
}

/** The world afterwards. */
export function after(world: World, removals: readonly Removal[]): World {
  const gone = new Set(removals.flatMap((one) => (one.kind === 'image' ? [one.name] : [])))
  const kinds = <K extends Removal['kind']>(kind: K) =>
    removals.filter((one): one is Extract<Removal, { kind: K }> => one.kind === kind)
  const ids = new Set(removals.flatMap((one) => ('ids' in one ? one.ids : [])))
  const images = world.images
    .map((image) => ({ ...image, names: image.names.filter((name) => !gone.has(name)) }))
    .filter(({ names }) => names.length > 0)
  const left = new Set(images.map(({ id }) => id))
  const freed = world.images.filter(({ id }) => !left.has(id)).reduce((sum, { bytes }) => sum + bytes, 0)
  return {
    ...world,
    images,
    releases: world.releases.filter(
      ({ app, version }) => !kinds('releases').some((one) => one.app === app && one.versions.includes(version)),
    ),
    containers: world.containers.filter(({ id }) => !kinds('container').some((one) => one.id === id)),
    networks: world.networks.filter(({ name }) => !kinds('network').some((one) => one.name === name)),
    repositories: world.repositories.filter((id) => !kinds('repository').some((one) => one.id === id)),
    jobs: world.jobs.filter(({ id }) => !ids.has(id)),
    logs: world.logs.filter((id) => !ids.has(id)),
    expiredAudit: kinds('audit').length > 0 ? 0 : world.expiredAudit,
    space: {
      ...world.space,
      imageBytes: world.space.imageBytes - freed,
      cache: { ...world.space.cache, bytes: kinds('cache')[0]?.keep ?? world.space.cache.bytes },
    },
  }
}
