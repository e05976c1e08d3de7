/**
 * The volumes in the folders that containers see. The rows say what belongs there; this makes it so, for a new folder before
 * its first container and for those that run while they run. One at a time for each app: whatever is attached while a folder
 * is being made is either in the rows that it is made from, or finds the folder.
 */
import { join } from 'node:path'
import { folderName, type GroupProcess, type Groups, type Mount, type Tenant } from '../domain/group.ts'
import type { Volume, VolumeAttachment } from '../domain/volume.ts'
import { UserError } from '../errors.ts'
import { createLanes } from '../jobs/lanes.ts'
import type { Log } from '../log.ts'
import type { Store } from '../state/store.ts'
import type { KeptOrders } from './kept-orders.ts'
import type { Mounter, Mount as VolumeMount } from './mounter.ts'

export interface LiveVolumes extends Tenant {
  /** Stores the row and mounts it in every folder of the app that it reaches. Fails: it is in none, and the row is gone. */
  attach(attachment: VolumeAttachment): Promise<void>
  /** Throws `conflict` while a container uses it, unless `lazy`; then it is in all of them as before. */
  detach(attachment: VolumeAttachment, lazy: boolean): Promise<void>
  /** Whether a group of the app must have ended before another one begins. */
  stopFirst(app: string): Promise<boolean>
  /** The rows of the app were changed: what is mounted follows them, in use or not. */
  follow(app: string): Promise<void>
}

export interface LiveParts {
  readonly store: Pick<Store, 'volumes' | 'apps'>
  /** Directory of the node; throws `unavailable` when it is not there. */
  readonly open: (volume: Volume) => Promise<string>
  readonly groups: Pick<Groups, 'of'>
  readonly mounter: Mounter
  readonly orders: KeptOrders
  /** `<home>/mounts`. */
  readonly folder: string
  readonly log: Log
}

export function createLiveVolumes({ store, open, groups, mounter, orders, folder, log }: LiveParts): LiveVolumes {
  const lanes = createLanes<null>()
  const pathOf = (one: GroupProcess) => join(folder, folderName(one))

  async function alone<T>(app: string, work: () => Promise<T>): Promise<T> {
    const lane = lanes.enter(app, null)
    await lane.turn
    try {
      return await work()
    } finally {
      lane.leave()
    }
  }

  /** What the rows give the containers of a folder, each with its source. */
  async function given(one: GroupProcess): Promise<readonly (VolumeAttachment & { readonly source: string })[]> {
    const rows = (await store.volumes.attachments({ app: one.app })).filter((row) => reaches(row, one.process))
    if (rows.length === 0) return []
    const volumes = new Map((await store.volumes.list()).map((volume) => [volume.id, volume]))
    return Promise.all(rows.map(async (row) => ({ ...row, source: await open(volumes.get(row.volume) as Volume) })))
  }

  /**
   * Of what is exclusive only one folder has it: two groups of an app are two writers as well. Who is prepared takes it from
   * a group that has ended; otherwise who has it keeps it. Returns what the folder may have.
   */
  async function withoutSecondWriter<T extends VolumeAttachment>(one: GroupProcess, rows: readonly T[], take: boolean) {
    if (!rows.some(({ exclusive }) => exclusive)) return rows
    const taken = new Set<string>()
    for (const other of groups.of(one.app)) {
      if (folderName(other) === folderName(one)) continue
      const path = pathOf(other)
      const mounted = await mounter.mounted(path)
      const held = rows.filter(({ exclusive, name }) => exclusive && mounted.includes(name))
      for (const { name } of held) {
        if (take) await mounter.detach(path, name, false)
        else taken.add(name)
      }
      if (take && held.length > 0) await keepOrders(other, (row) => !row.exclusive)
    }
    return rows.filter(({ name }) => !taken.has(name))
  }

  const isLive = ({ path }: VolumeAttachment) => path === null

  async function keepOrders(one: GroupProcess, may: (row: VolumeAttachment) => boolean): Promise<void> {
    await orders.keep(
      pathOf(one),
      (await given(one)).filter((row) => isLive(row) && may(row)),
    )
  }

  async function mount(one: GroupProcess, rows: readonly VolumeMount[]): Promise<void> {
    const path = pathOf(one)
    await orders.keep(path, rows)
    for (const row of rows) await mounter.attach(path, row)
  }

  /** Makes a folder what the rows say, whatever is in it. */
  async function settle(one: GroupProcess, take = false): Promise<readonly Mount[]> {
    const rows = await given(one)
    const live = await withoutSecondWriter(one, rows.filter(isLive), take)
    const path = pathOf(one)
    for (const name of await mounter.mounted(path))
      if (!live.some((row) => row.name === name)) await mounter.detach(path, name, true)
    await mount(one, live).catch(async (error) => {
      if (!(error instanceof UserError && error.code === 'conflict')) throw error
      // Something else is there under a name: another volume, or this one with other rights.
      await mounter.clear(path)
      await mount(one, live)
    })
    return rows.flatMap(fixedMount)
  }

  const trySettle = (one: GroupProcess) =>
    settle(one).catch((error) => log.error('volumes.not-settled', error, { ...one }))
  /** The group that serves comes first: of an exclusive one it is the one that gets it. */
  async function reached({ app, process }: VolumeAttachment): Promise<GroupProcess[]> {
    const serving = (await store.apps.byId(app))?.group
    const all = groups.of(app).filter((one) => reaches({ process }, one.process))
    return all.sort((a, b) => Number(b.group === serving) - Number(a.group === serving))
  }

  return {
    enter: (one, _folder, found) => alone(one.app, () => settle(one, !found)),
    leave: (one, path) =>
      alone(one.app, async () => {
        await mounter.clear(path)
        await orders.forget(path)
      }),

    attach: (attachment) =>
      alone(attachment.app, async () => {
        await store.volumes.attach(attachment)
        const folders = await reached(attachment)
        try {
          for (const one of folders) await settle(one)
        } catch (error) {
          for (const one of folders) await mounter.detach(pathOf(one), attachment.name, true)
          await store.volumes.detach(attachment.app, attachment.volume)
          for (const one of folders) await trySettle(one)
          throw error
        }
      }),

    detach: (attachment, lazy) =>
      alone(attachment.app, async () => {
        const folders = await reached(attachment)
        try {
          for (const one of folders) await mounter.detach(pathOf(one), attachment.name, lazy)
        } catch (error) {
          // In none of them or in all: the row still says that it is there.
          for (const one of folders) await trySettle(one)
          throw error
        }
        await store.volumes.detach(attachment.app, attachment.volume)
        for (const one of folders) await trySettle(one)
      }),

    stopFirst: async (app) => (await store.volumes.attachments({ app })).some(({ exclusive }) => exclusive),

    follow: (app) =>
      alone(app, async () => {
        for (const one of groups.of(app)) await settle(one)
      }),
  }
}

/** One-off commands are no process type: they get what all types get, and never what one has for itself. */
function reaches({ process }: Pick<VolumeAttachment, 'process'>, type: string): boolean {
  return process === null || process === type
}

/** What has a place of its own is there from the start of a container to its end. */
function fixedMount(row: VolumeAttachment & { readonly source: string }): Mount[] {
  const { path: target, source, readOnly, state } = row
  if (target === null || state === 'detaching') return []
  return [{ source, target, readOnly, propagation: 'rprivate' }]
}
