/** Garbage collection as it runs: once a day, after a change of an app, before a build on a full disk, and when somebody types it. */
import { setTimeout as delay } from 'node:timers/promises'
import { bytesText } from '../domain/bytes.ts'
import { budgetFor, neededFor, type Room, roomText } from '../domain/disk.ts'
import { describe } from '../domain/operation.ts'
import { messageOf, UserError } from '../errors.ts'
import { budgetText, observe } from './observe.ts'
import { planCollection } from './plan.ts'
import { type Listener, type SweepParts, type Swept, settle, sweep } from './sweep.ts'
import { day, operationOf } from './world.ts'

export interface CollectorParts extends SweepParts {
  /** Folders that a build writes to, besides the engine's. */
  readonly folders: readonly string[]
}

export interface Collector {
  /** What would be removed. */
  plan(): Promise<Collection>
  /** As a job; lines tell what goes while it goes. */
  collect(asker: Pick<Listener, 'emit' | 'signal'> & { readonly actor: string }): Promise<Collection>
  /** After a change of an app: removes in the background what only this app had. */
  settle(app: string): void
  /** Before a build: makes room when the disk is nearly full; throws `unavailable` when that does not help. */
  room(listener: Listener): Promise<void>
  /** The engine's disk, and what is on it. */
  disk(): Promise<Disk>
  /** Once a day until `signal` aborts. */
  watch(signal: AbortSignal): Promise<void>
}

export interface Collection extends Readonly<Swept> {
  readonly planned: boolean
}

export interface Disk {
  readonly path: string
  /** Null when it cannot be seen from here. */
  readonly free: number | null
  readonly total: number | null
  readonly images: number
  readonly cache: number
  /** As it was set. */
  readonly budget: string
  /** What that comes to now. */
  readonly allowed: number | null
}

export function createCollector(parts: CollectorParts): Collector {
  const { engine, roomAt, log } = parts
  let underWay: Promise<Swept> | null = null

  /** One at a time; whoever comes meanwhile waits for that one. */
  function sweepOnce(listener: Listener): Promise<Swept> {
    underWay ??= sweep(parts, listener).finally(() => {
      underWay = null
    })
    return underWay
  }

  /** A place with too little room for a build. */
  async function full(): Promise<{ path: string; room: Room } | null> {
    const root = await engine.root().catch(() => null)
    for (const path of root === null ? parts.folders : [...parts.folders, root]) {
      const room = await roomAt(path).catch(() => null)
      if (room && room.free < neededFor(room)) return { path, room }
    }
    return null
  }

  const collect: Collector['collect'] = async (asker) => {
    if (underWay) throw new UserError('conflict', 'This is under way already.', 'Watch it: jobs:list --active')
    return parts.jobs.run({ kind: 'gc', app: null, ...asker }, async (job) => {
      const swept = await sweepOnce(job)
      return { value: { planned: false, ...swept }, result: resultOf(swept) }
    })
  }

  return {
    collect,
    async plan() {
      const found = planCollection(await observe(parts))
      const bytes = found.reduce((sum, one) => sum + ('bytes' in one ? one.bytes : 0), 0)
      return { planned: true, operations: found.map((one) => describe(operationOf(one))), bytes, kept: [] }
    },
    settle(app) {
      settle(parts, app).catch((error) => log.warn('gc.not-settled', { app, cause: messageOf(error) }))
    },
    async room(listener) {
      if ((await full()) === null) return
      listener.emit('-----> The disk is nearly full: making room')
      await sweepOnce(listener).catch((error) => {
        listener.signal.throwIfAborted()
        log.warn('gc.no-room', { cause: messageOf(error) })
      })
      const still = await full()
      if (still === null) return
      const needed = bytesText(neededFor(still.room))
      throw new UserError(
        'unavailable',
        `The disk is nearly full: ${roomText(still.path, still.room)}, and a build needs ${needed}.`,
        'Remove what is not needed, and push again. What takes space: ssh megapolos server:disk',
      )
    },
    async disk() {
      const path = await engine.root()
      const [usage, room] = await Promise.all([engine.usage(), roomAt(path).catch(() => null)])
      const [images, cache] = [usage.imageBytes, usage.cache.bytes]
      const budget = await budgetText(parts)
      const allowed = room ? Math.max(0, budgetFor(budget, room, images + cache)) : null
      return { path, free: room?.free ?? null, total: room?.total ?? null, images, cache, budget, allowed }
    },
    async watch(signal) {
      // Not while a server has just started, and not all servers of a rack at once.
      for (let pause = ((1 + Math.random()) * day) / 24; !signal.aborted; pause = day * (0.95 + Math.random() / 10)) {
        await delay(pause, undefined, { signal, ref: false }).catch(() => {})
        if (signal.aborted) return
        const asker = { actor: 'kernel', emit: () => {}, signal }
        await collect(asker).catch((error) => log.warn('gc.failed', { cause: messageOf(error) }))
      }
    },
  }
}

/** One sentence for `jobs:list`. */
function resultOf({ operations, bytes, kept }: Swept): string {
  if (operations.length + kept.length === 0) return 'There was nothing to remove.'
  const freed = bytes > 0 ? `, ${bytesText(bytes)}` : ''
  const rest = kept.length > 0 ? ` ${kept.length} could not go now.` : ''
  return `Removed ${operations.length} ${operations.length === 1 ? 'thing' : 'things'}${freed}.${rest}`
}
