import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type JobState, jobStates, nextJobStates } from '../domain/job.ts'
import type { Store } from './store.ts'
import { startStore, type TestStore } from './stores-for-test.ts'

const pairs = jobStates.flatMap((from) =>
  jobStates.map((to) => ({ from, to, allowed: nextJobStates[from].includes(to) })),
)

describe.each(['sqlite', 'rqlite'] as const)('%s', (kind) => {
  let started: TestStore
  let store: Store
  beforeAll(async () => {
    started = await startStore(kind)
    store = started.store
  })
  afterAll(() => started.stop())

  const queued = () => store.jobs.create({ kind: 'push', app: '0a1b2c3d', actor: 'ann', state: 'queued' })
  const reach = async (state: JobState) => {
    const { id } = await queued()
    if (state === 'queued') return id
    if (nextJobStates.running.includes(state)) await store.jobs.move(id, 'queued', 'running')
    await store.jobs.move(id, nextJobStates.running.includes(state) ? 'running' : 'queued', state)
    return id
  }

  test.each(pairs.filter(({ allowed }) => allowed))('$from → $to is done once', async ({ from, to }) => {
    const id = await reach(from)
    const moves = await Promise.all([store.jobs.move(id, from, to), store.jobs.move(id, from, to)])
    expect(moves.sort()).toEqual([false, true])
    const job = await store.jobs.get(id)
    expect(job?.state).toBe(to)
    expect(job?.endedAt === null).toBe(to === 'running')
  })

  test.each(pairs.filter(({ allowed }) => !allowed))('$from → $to is refused', async ({ from, to }) => {
    const id = await reach(from)
    await expect(store.jobs.move(id, from, to)).rejects.toThrow(`may not go from ${from} to ${to}`)
    expect((await store.jobs.get(id))?.state).toBe(from)
  })

  test('a move of a job that is in another state changes nothing', async () => {
    const id = await reach('cancelled')
    expect(await store.jobs.move(id, 'running', 'succeeded', { result: 'x', operations: ['y'] })).toBe(false)
    expect(await store.jobs.get(id)).toMatchObject({ state: 'cancelled', result: null, operations: [] })
  })

  test('a job that starts at once runs with a lease, and ends with its result and operations', async () => {
    const { id, ...job } = await store.jobs.create({ kind: 'config', app: null, actor: 'ann', state: 'running' })
    expect(job).toMatchObject({ state: 'running', app: null, startedAt: job.createdAt, endedAt: null, operations: [] })
    await store.jobs.record(id, ['start web.1'])
    await store.jobs.heartbeat([id], '2999-01-01T00:00:00.000Z')
    expect((await store.jobs.get(id))?.operations).toEqual(['start web.1'])
    const outcome = { result: 'Released v1', operations: ['start web.1', 'switch'] }
    expect(await store.jobs.move(id, 'running', 'succeeded', outcome)).toBe(true)
    expect(await store.jobs.get(id)).toMatchObject(outcome)
    await store.jobs.record(id, ['too late'])
    await store.jobs.heartbeat([id], '2999-01-01T00:00:00.000Z')
    expect(await store.jobs.get(id)).toMatchObject({ state: 'succeeded', ...outcome })
  })

  test('jobs are listed newest first, by app and by activity, and leftovers are interrupted', async () => {
    const before = await store.jobs.interruptAll('swept')
    expect(before.every(({ state }) => state === 'interrupted')).toBe(true)
    const [first, second] = [await queued(), await queued()]
    const other = await store.jobs.create({ kind: 'push', app: 'ffffffff', actor: 'ann', state: 'running' })
    await store.jobs.move(first.id, 'queued', 'cancelled')
    expect((await store.jobs.list({ limit: 2 })).map(({ id }) => id)).toEqual([other.id, second.id])
    expect((await store.jobs.list({ app: '0a1b2c3d', limit: 2 })).map(({ id }) => id)).toEqual([second.id, first.id])
    expect((await store.jobs.list({ active: true, limit: 9 })).map(({ id }) => id)).toEqual([other.id, second.id])
    expect(await store.jobs.list({ app: 'ffffffff', active: true, limit: 9 })).toHaveLength(1)
    const left = await store.jobs.interruptAll('The kernel stopped.')
    expect(left.map(({ id }) => id).sort()).toEqual([second.id, other.id].sort())
    expect(left[0]).toMatchObject({ state: 'interrupted', result: 'The kernel stopped.' })
    expect(await store.jobs.list({ active: true, limit: 9 })).toEqual([])
  })
})
