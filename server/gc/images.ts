/** Which images go, and how much build cache stays. Pure. */
import { bytesText } from '../domain/bytes.ts'
import type { StoredImage } from '../engine/storage.ts'
import type { Keeps, KeptReleases, Removal, World } from './world.ts'

export interface ImagePlan {
  readonly removals: readonly Removal[]
  /** Bytes of build cache that stay; as many as there are when none has to go. */
  readonly cacheKept: number
}

export function planImages(world: World, kept: KeptReleases, keeps: Keeps): ImagePlan {
  const reach = reachOf(world, kept, keeps)
  const garbage = world.images.filter((image) => !reach.needed.has(image.id) && !reach.old.has(image.id))
  const { budget, imageBytes, cache } = world.space
  let excess = imageBytes - bytesOf(garbage) + cache.bytes - budget
  let cacheKept = cache.bytes
  const cut = (floor: number) => {
    const step = Math.max(0, Math.min(excess, cacheKept - Math.max(floor, cache.used)))
    cacheKept -= step
    excess -= step
  }

  // The cache makes the next build quick, an old image the next rollback: some of the one is worth more than all of the other.
  cut(Math.min(keeps.cache, Math.max(0, budget) / 4))
  const spared: StoredImage[] = []
  for (const image of oldest(world.images, reach.old)) {
    if (excess <= 0) break
    excess -= image.bytes
    spared.push(image)
  }
  cut(0)

  const names = new Map(world.apps.map(({ id, name }) => [id, name]))
  const full = `images and build cache may take ${bytesText(Math.max(0, budget))}; a rollback builds it again`
  return {
    removals: [
      ...garbage.flatMap((image) => removals(image, uselessness(image, names))),
      ...spared.flatMap((image) => removals(image, full)),
    ],
    cacheKept,
  }
}

interface Reach {
  /** Images that stay in any case. */
  readonly needed: ReadonlySet<string>
  /** Images that only old releases refer to, each with its place in the order of removal: the newest release of them, by age. */
  readonly old: ReadonlyMap<string, number>
}

function reachOf({ now, apps, images, bases, containers }: World, kept: KeptReleases, keeps: Keeps): Reach {
  const needed = new Set(containers.map(({ image }) => image))
  const old = new Map<string, number>()
  const atWork = new Set(apps.filter(({ busy }) => busy).map(({ id }) => id))
  for (const { id, release: serving, busy } of apps) {
    let served = 0
    for (const release of kept.get(id) ?? []) {
      const isNew = busy || !release.served || release.version === serving || served < keeps.images
      if (release.served) served += 1
      for (const image of release.images) {
        if (isNew) needed.add(image)
        else if (!old.has(image)) old.set(image, served)
      }
    }
  }
  for (const image of images) {
    const isBase = image.app === null
    const isYoung = image.namedAt !== null && Date.parse(image.namedAt) > now - keeps.baseAge
    if (isBase ? isYoung || image.names.some((name) => bases.has(name)) : atWork.has(image.app ?? ''))
      needed.add(image.id)
  }
  for (const image of needed) old.delete(image)
  return { needed, old }
}

/** Those first that are furthest back in the history of their app. */
function oldest(images: readonly StoredImage[], old: Reach['old']): StoredImage[] {
  const age = (image: StoredImage) => old.get(image.id) ?? 0
  return images.filter(({ id }) => old.has(id)).sort((a, b) => age(b) - age(a))
}

function uselessness({ app }: StoredImage, names: ReadonlyMap<string, string>): string {
  if (app === null) return 'builds start from a newer one'
  const name = names.get(app)
  return name === undefined ? 'its app is gone' : `no release of ${name} uses it`
}

/** An image that others named too only loses our names. */
function removals({ id, app, names, bytes }: StoredImage, why: string): Removal[] {
  return names.map((name, index) => ({ kind: 'image', app, image: id, name, bytes: index === 0 ? bytes : 0, why }))
}

function bytesOf(images: readonly StoredImage[]): number {
  return images.reduce((sum, { bytes }) => sum + bytes, 0)
}
