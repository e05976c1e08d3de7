/** Volumes: made, listed and destroyed. Where they are seen is live-volumes.ts. */
import { realpath } from 'node:fs/promises'
import type { StorageDriver } from '../devices/classes/storage.ts'
import type { Groups } from '../domain/group.ts'
import { nodePathProblem, type Volume, type VolumeAttachment } from '../domain/volume.ts'
import { UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import { lostContent } from '../state/lost.ts'
import type { Store } from '../state/store.ts'
import { createKeptOrders } from './kept-orders.ts'
import { createLiveVolumes, type LiveVolumes } from './live-volumes.ts'
import { createMounter } from './mounter.ts'
import { createScratch, type Scratch } from './scratch.ts'

export interface Usage {
  readonly bytes: number
  readonly files: number
}

export interface Volumes extends LiveVolumes, Scratch {
  /** Settles what a dead kernel left; before the first folder is entered. */
  recover(): Promise<void>
  /** `path`: a directory of the node that is there already, for a static one. Throws `usage` when it may not be one. */
  create(name: string, path: string | null, actor: string): Promise<Volume>
  /** Null when there is none of this name. */
  find(name: string): Promise<Volume | null>
  /** With its data, unless it is static. Throws `conflict` naming the apps that it is attached to. */
  destroy(volume: Volume): Promise<void>
  /** Null when nobody can say it now. */
  usage(volume: Volume): Promise<Usage | null>
  /** Its directory on this node; throws `unavailable` when it is not there, `conflict` when its content is lost. */
  open(volume: Volume): Promise<string>
  /** What is mounted stays. */
  close(): void
}

export interface VolumesParts {
  readonly store: Pick<Store, 'volumes' | 'apps'>
  readonly storage: { readonly device: string; driver(device: string): Promise<StorageDriver> }
  readonly groups: Pick<Groups, 'of'>
  /** `<home>/mounts`, and where the orders of the next boot are kept. */
  readonly paths: { readonly mounts: string; readonly mountOrders: string }
  /** Directories that no static volume may be in, nor have in it: those of this installation and of the engine. */
  readonly own: () => Promise<readonly string[]>
  readonly log: Log
}

export function createVolumes(parts: VolumesParts): Volumes {
  const { store, storage, groups, paths, log } = parts
  const driverOf = ({ device }: Volume) => storage.driver(device)
  const open = async (volume: Volume) => {
    if (volume.lost) throw lostContent('volume', volume.name)
    return (await driverOf(volume)).open(volume)
  }
  const mounter = createMounter()
  const live = createLiveVolumes({
    ...{ store, open, groups, mounter, log, folder: paths.mounts },
    orders: createKeptOrders(paths.mountOrders),
  })

  async function remove(volume: Volume): Promise<void> {
    await (await driverOf(volume)).remove(volume)
    await store.volumes.forget(volume.id)
  }

  async function make(wanted: Pick<Volume, 'name' | 'path' | 'createdBy'>): Promise<Volume> {
    const volume = await store.volumes.add({ ...wanted, device: storage.device, state: 'creating' })
    try {
      await (await driverOf(volume)).create(volume)
    } catch (error) {
      await store.volumes.forget(volume.id)
      throw error
    }
    return volume
  }

  return {
    ...live,
    ...createScratch({ store, make, open, remove, follow: live.follow }),
    open,
    find: store.volumes.find,
    close: () => mounter.close(),
    async recover() {
      for (const volume of await store.volumes.list()) {
        if (volume.state === 'ready') continue
        await remove(volume).catch((error) => log.error('volumes.not-removed', error, { volume: volume.name }))
      }
      for (const row of await store.volumes.attachments()) await recoverAttachment(store, row)
    },
    async create(name, path, createdBy) {
      if (path !== null) await checkStatic(path, await parts.own())
      const volume = await make({ name, path, createdBy })
      await store.volumes.move(volume.id, 'creating', 'ready')
      return { ...volume, state: 'ready' }
    },
    async destroy(volume) {
      await store.volumes.retire(volume)
      await remove(volume)
    },
    usage: (volume) =>
      driverOf(volume)
        .then((driver) => driver.usage(volume))
        .catch(() => null),
  }
}

/** It was on the way with a rollout: when other containers serve than at its beginning, it came to its end. */
async function recoverAttachment({ volumes, apps }: VolumesParts['store'], row: VolumeAttachment): Promise<void> {
  if (row.state === 'attached') return
  const switched = (await apps.byId(row.app))?.group !== row.since
  const there = (row.state === 'attaching') === switched
  if (there) await volumes.settle(row.app, row.volume, row.state, 'attached')
  else await volumes.detach(row.app, row.volume)
}

async function checkStatic(path: string, own: readonly string[]): Promise<void> {
  const problem = nodePathProblem(path, own)
  if (problem)
    throw new UserError(
      'usage',
      `${path} cannot be a volume: it ${problem}.`,
      'Choose a directory such as /srv/uploads.',
    )
  const real = await realpath(path).catch(() => null)
  if (real === null)
    throw new UserError('not-found', `${path} is not there.`, 'A static volume is a directory that is there already.')
  if (real !== path)
    throw new UserError('usage', `${path} leads through a symbolic link to ${real}.`, 'Give the directory itself.')
}
