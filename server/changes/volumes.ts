/**
 * Volumes of apps. Below `/megapolos` they come and go while the app runs, at once and beside whatever job it has; at a path
 * of their own, or with one writer only, they wait for the app's turn, and the former needs fresh containers.
 */

import { type App, type Formation, scaleOf } from '../domain/app.ts'
import type { Operation } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import { placeOf, type Volume, type VolumeAttachment } from '../domain/volume.ts'
import { UserError } from '../errors.ts'
import type { RunningJob } from '../jobs/queue.ts'
import type { Asker, Change, Changes, Parts } from './change.ts'

export type WantedAttachment = Pick<VolumeAttachment, 'name' | 'path' | 'readOnly' | 'exclusive' | 'process'>

export function createVolumeChanges(
  { store, journal, rollout, volumes }: Parts,
  { run, planned }: Changes,
  /** The release that serves, its images built again if they are gone. */
  ready: (app: App, job: RunningJob) => Promise<Release>,
) {
  const runs = ({ release, stopped }: App) => release !== null && !stopped

  async function plan(app: App, operation: Operation, path: string | null): Promise<Change> {
    if (path === null || !runs(app)) return planned(app, [operation])
    const release = app.release === null ? null : await store.releases.get(app.id, app.release)
    return planned(app, [
      operation,
      ...(await rollout.plan(app, release, await store.formations.get(app.id), 'deploy')),
    ])
  }

  async function fresh(app: App, job: RunningJob): Promise<void> {
    job.emit(
      `-----> Starting ${app.name} v${app.release} with it: a volume at a path of its own needs fresh containers`,
    )
    await rollout.deploy(app, await ready(app, job), await store.formations.get(app.id), job)
  }

  /** Nobody waits and nothing restarts. */
  async function live(app: App, { actor }: Asker, operation: Operation, result: string, work: () => Promise<void>) {
    await work()
    journal.record({ kind: 'app', app, text: `${result.slice(0, -1)}, by ${actor}.` })
    return { ...planned(app, [operation]), planned: false, result }
  }

  async function attachInTurn(app: App, row: VolumeAttachment, job: RunningJob): Promise<void> {
    if (row.exclusive) refuseCrowd(app, await store.formations.get(app.id), [row])
    if (row.path === null) return volumes.attach(row)
    if (!runs(app)) return store.volumes.attach(row)
    await store.volumes.attach({ ...row, state: 'attaching', since: app.group })
    try {
      await fresh(app, job)
    } catch (error) {
      await store.volumes.detach(app.id, row.volume)
      throw error
    }
    await store.volumes.settle(app.id, row.volume, 'attaching', 'attached')
  }

  async function detachInTurn(app: App, row: VolumeAttachment, job: RunningJob): Promise<void> {
    if (runs(app)) {
      await store.volumes.settle(app.id, row.volume, 'attached', 'detaching', app.group)
      try {
        await fresh(app, job)
      } catch (error) {
        await store.volumes.settle(app.id, row.volume, 'detaching', 'attached')
        throw error
      }
    }
    await store.volumes.detach(app.id, row.volume)
  }

  return {
    async attachVolume(app: App, volume: Volume, wanted: WantedAttachment, asker: Asker, dryRun: boolean) {
      const row: VolumeAttachment = { ...wanted, app: app.id, volume: volume.id, state: 'attached', since: null }
      const at = placeOf(row)
      const operation: Operation = { do: 'attach-volume', volume: volume.name, app: app.name, at }
      if (dryRun) return plan(app, operation, row.path)
      const before = await store.volumes.attachment(app.id, volume.id)
      if (before && same(before, row)) {
        await volumes.follow(app.id)
        return { ...planned(app, []), planned: false, result: `${volume.name} is at ${at} of ${app.name} already.` }
      }
      const result = `${volume.name} is at ${at} of ${app.name}${row.readOnly ? ', read-only' : ''}.`
      if (row.path === null && !row.exclusive) return live(app, asker, operation, result, () => volumes.attach(row))
      return run('attach-volume', app, asker, async (job, now) => {
        await volumes.open(volume)
        await attachInTurn(now, row, job)
        job.did(operation)
        return { result }
      })
    },

    async detachVolume(app: App, volume: Volume, lazy: boolean, asker: Asker, dryRun: boolean) {
      const row = await store.volumes.attachment(app.id, volume.id)
      if (!row) throw await notAttached(app, volume)
      if (lazy && row.exclusive)
        throw new UserError(
          'conflict',
          `${volume.name} is exclusive: what still has a file of it open would go on writing.`,
          `Leave out --lazy, or stop the app first: ps:stop ${app.name}`,
        )
      const operation: Operation = { do: 'detach-volume', volume: volume.name, app: app.name }
      if (dryRun) return plan(app, operation, row.path)
      const result = `${volume.name} is detached from ${app.name}.`
      if (row.path === null) return live(app, asker, operation, result, () => detachLive(app, volume, row, lazy))
      return run('detach-volume', app, asker, async (job, now) => {
        await detachInTurn(now, row, job)
        job.did(operation)
        return { result }
      })
    },

    /** Throws `conflict` when an exclusive volume would get a second writer by this many containers. */
    async checkExclusive(app: App, formation: Formation): Promise<void> {
      refuseCrowd(app, formation, await store.volumes.attachments({ app: app.id }))
    },
  }

  async function detachLive(app: App, volume: Volume, row: VolumeAttachment, lazy: boolean): Promise<void> {
    await volumes.detach(row, lazy).catch((error) => {
      if (!(error instanceof UserError) || error.code !== 'conflict') throw error
      const hint = `End what uses it, or let it go on with what it has open: volumes:detach ${app.name} ${volume.name} --lazy`
      throw new UserError('conflict', `${volume.name} is in use in ${app.name}.`, hint)
    })
  }

  async function notAttached(app: App, volume: Volume): Promise<UserError> {
    const names = new Map((await store.volumes.list()).map(({ id, name }) => [id, name]))
    const had = (await store.volumes.attachments({ app: app.id })).map((row) => names.get(row.volume))
    const hint = had.length > 0 ? `${app.name} has ${had.join(', ')}.` : `${app.name} has no volumes.`
    return new UserError('not-found', `${volume.name} is not attached to ${app.name}.`, hint)
  }
}

function same(a: VolumeAttachment, b: VolumeAttachment): boolean {
  const keys = ['name', 'path', 'readOnly', 'exclusive', 'process', 'state'] as const
  return keys.every((key) => a[key] === b[key])
}

/** Two containers of one process type are two writers. */
function refuseCrowd(app: App, formation: Formation, rows: readonly VolumeAttachment[]): void {
  const row = rows.find(
    ({ exclusive, process }) => exclusive && process !== null && scaleOf(formation, process).quantity > 1,
  )
  if (!row?.process) return
  throw new UserError(
    'conflict',
    `${placeOf(row)} of ${app.name} is exclusive, and ${row.process} would run ${scaleOf(formation, row.process).quantity} times.`,
    `One writer at most: ps:scale ${app.name} ${row.process}=1`,
  )
}
