/** What the engine stores for this system, and for others, and how it is removed: never with force, and only what has our label. */
import { UserError } from '../errors.ts'
import { type Client, createClient, type ImageSummary } from './client.ts'
import { EngineError, isStatus } from './transport.ts'

export interface Storage {
  /** Folder of the engine's images and build cache. */
  root(): Promise<string>
  /** Images of one app, without their sizes. */
  images(app: string): Promise<StoredImage[]>
  /** All images of this system, with their sizes; takes a second or more. */
  usage(): Promise<Usage>
  /** Containers of the whole machine, stopped ones too, as they hold their images; or of one app. */
  containers(app?: string): Promise<StoredContainer[]>
  networks(): Promise<readonly { readonly name: string; readonly app: string }[]>

  /** Takes one name from an image; with the last one it goes. Not an error when it is gone; `conflict` when it is used. */
  removeImage(name: string): Promise<void>
  /** Throws `conflict` when it runs. */
  removeContainer(id: string): Promise<void>
  /** Throws `conflict` when something is connected to it. */
  removeNetwork(name: string): Promise<void>
  /** Removes what was not used for longest until about `keep` bytes are left; returns what that freed, at most. */
  pruneBuildCache(keep: number): Promise<number>
}

export interface StoredImage {
  readonly id: string
  /** The app that it was built for; null for a base. */
  readonly app: string | null
  /** The names that this system gave it. Others that it has are none of our business. */
  readonly names: readonly string[]
  /** Bytes that go with it, as no other image has them; 0 when not asked for. */
  readonly bytes: number
  /** When it got its newest name; only known of bases. An image that was found in the cache is older than its name. */
  readonly namedAt: string | null
}

export interface StoredContainer {
  readonly id: string
  readonly name: string
  /** Null when another made it. */
  readonly app: string | null
  readonly image: string
  readonly running: boolean
}

export interface Usage {
  readonly images: readonly StoredImage[]
  /** Bytes of all images but those of others. */
  readonly imageBytes: number
  /** The engine's build cache is one for everybody. `used` is what running builds hold. */
  readonly cache: { readonly bytes: number; readonly used: number }
}

/** What the installer labels the bases with that it makes: they belong to all systems of the machine. */
const installer = 'megapolos'

export function createStorage({ socket, system }: { readonly socket: string; readonly system: string }): Storage {
  const client = createClient(socket)
  const label = `megapolos.system=${system}`
  let root: string | null = null
  const ours = async (list: readonly ImageSummary[]) =>
    (await Promise.all(list.map((one) => stored(client, one)))).filter((image) => image !== null)

  return {
    // Asked once: each build wants to know, and an engine that is moved is one that is set up anew.
    root: async () => {
      root ??= (await client.info()).DockerRootDir
      return root
    },
    images: async (app) => ours(await client.listImages([label, `megapolos.app=${app}`])),
    usage: async () => {
      const usage = await client.diskUsage()
      const all = usage.Images ?? usage.ImageUsage?.Items ?? []
      const systems = new Set(all.flatMap((one) => one.Labels?.['megapolos.system'] ?? []))
      const alone = systems.difference(new Set([system, installer])).size === 0
      const belongs = (of: string | undefined) => of === system || (alone && of === installer)
      const images = await ours(all.filter((one) => belongs(one.Labels?.['megapolos.system'])))
      const ids = new Set(images.map(({ id }) => id))
      const foreign = all.filter(({ Id }) => !ids.has(Id)).reduce((sum, one) => sum + ownSize(one), 0)
      const cache = (usage.BuildCache ?? usage.BuildCacheUsage?.Items ?? []).filter(({ Shared }) => !Shared)
      return {
        images,
        imageBytes: Math.max(0, (usage.LayersSize ?? usage.ImageUsage?.TotalSize ?? 0) - foreign),
        cache: { bytes: total(cache), used: total(cache.filter(({ InUse }) => InUse)) },
      }
    },
    containers: async (app) =>
      (await client.listContainers(app === undefined ? [] : [label, `megapolos.app=${app}`])).map((one) => ({
        id: one.Id,
        name: (one.Names[0] ?? one.Id).replace(/^\//, ''),
        app: isOurs(one.Labels, system) ? (one.Labels['megapolos.app'] ?? null) : null,
        image: one.ImageID,
        running: !['created', 'exited', 'dead'].includes(one.State),
      })),
    networks: async () =>
      (await client.listNetworks([label])).flatMap(({ Name: name, Labels }) => {
        const app = Labels?.['megapolos.app']
        return app === undefined ? [] : [{ name, app }]
      }),

    removeImage: (name) => removing(name, client.image(name).remove()),
    removeContainer: (id) => removing(id, client.container(id).remove({ v: true })),
    removeNetwork: (name) => removing(name, client.network(name).remove()),
    pruneBuildCache: async (keep) => {
      // The same limit in the words of older engines and of newer ones.
      const limits = { 'keep-storage': keep, 'reserved-space': keep, 'max-used-space': keep }
      return (await client.pruneBuilds({ all: true, ...limits })).SpaceReclaimed ?? 0
    },
  }
}

/** A container has the labels of its image too, whoever started it; that of its group it only has from us. */
function isOurs(labels: Readonly<Record<string, string>>, system: string): boolean {
  return labels['megapolos.system'] === system && labels['megapolos.group'] !== undefined
}

/** Labels are inherited: what others build on an image of ours has them too. So a name that we give must fit as well. */
async function stored(client: Client, image: ImageSummary): Promise<StoredImage | null> {
  const app = image.Labels?.['megapolos.app']
  const base = image.Labels?.['megapolos.base']
  const isOurs = (name: string) => (app ? name.startsWith(`megapolos/app-${app}:`) : name === base)
  const names = (image.RepoTags ?? []).filter(isOurs)
  if (names.length === 0) return null
  const { Id: id } = image
  const namedAt = app ? null : await taggedAt(client, id)
  return { id, app: app ?? null, names, bytes: names.length === image.RepoTags?.length ? ownSize(image) : 0, namedAt }
}

async function taggedAt(client: Client, id: string): Promise<string | null> {
  const found = await client
    .image(id)
    .inspect()
    .catch((error) => {
      if (isStatus(error, 404)) return null
      throw error
    })
  return (found as { Metadata?: { LastTagTime?: string } } | null)?.Metadata?.LastTagTime ?? null
}

function ownSize({ Size, SharedSize }: ImageSummary): number {
  return SharedSize < 0 ? 0 : Size - SharedSize
}

function total(records: readonly { readonly Size: number }[]): number {
  return records.reduce((sum, { Size }) => sum + Size, 0)
}

async function removing(what: string, call: Promise<unknown>): Promise<void> {
  try {
    await call
  } catch (error) {
    if (isStatus(error, 404)) return
    if (!(error instanceof EngineError)) throw error
    throw new UserError('conflict', `Docker keeps ${what}: ${error.message}.`)
  }
}
