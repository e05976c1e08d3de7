/** The queue on a real store: order, cancellation, logs, and what is left after a crash. */
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { UserError } from '../errors.ts'
import type { Jobs } from '../state/store.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { createJobs } from './jobs.ts'
import type { JobQueue, JobRequest, RunningJob } from './queue.ts'

const blog = { id: '0a1b2c3d', name: 'blog' }
const shop = { id: '0a1b2c3e', name: 'shop' }
let started: TestStore
let queue: JobQueue
let woken: string[]
let happened: string[]
const journal = { record: ({ text }: { text: string }) => void happened.push(text) }

beforeAll(async () => {
  started = await startStore('sqlite')
})
afterAll(() => started.stop())
beforeEach(() => {
  woken = []
  happened = []
  queue = makeQueue()
})

const jobs = () => started.store.jobs
const makeQueue = (store: { jobs: Jobs } = started.store) =>
  createJobs({ store, live: { wake: (topic) => woken.push(topic) }, journal, logs: started.folder, log: quiet })
const request = (more: Partial<JobRequest> = {}): JobRequest => ({
  kind: 'push',
  app: blog,
  actor: 'laptop',
  emit: () => {},
  ...more,
})
const logOf = (id: number) => join(started.folder, 'jobs', `${id}.log`)

/** A job that runs until it is told to end. */
function held(more: Partial<JobRequest> = {}, on: JobQueue = queue) {
  const begun = Promise.withResolvers<RunningJob>()
  const end = Promise.withResolvers<void>()
  const done = on.run(request(more), async (job) => {
    begun.resolve(job)
    await Promise.race([
      end.promise,
      new Promise((_, no) => job.signal.addEventListener('abort', () => no(new Error('x')))),
    ])
    return { value: job.id, result: 'Done' }
  })
  done.catch(() => {})
  return { done, begun: begun.promise, end: () => end.resolve() }
}

const read = async (id: number, follow = false) => Array.fromAsync(queue.output(id, { follow }))
const onlyActive = async (state: 'queued' | 'running') => {
  const find = async () => (await jobs().list({ active: true, limit: 50 })).filter((job) => job.state === state)
  await expect.poll(async () => (await find()).length).toBe(1)
  return (await find())[0]?.id ?? 0
}

test('work between two jobs waits for none, and the next job waits for it', async () => {
  const job = held()
  await job.begun
  expect(await queue.between(blog, async () => 'done')).toBeNull()
  expect(await queue.between(shop, async () => 'done')).toBe('done')
  job.end()
  await job.done

  const order: string[] = []
  const end = Promise.withResolvers<void>()
  const between = queue.between(blog, async () => {
    await end.promise
    order.push('between')
  })
  const next = queue.run(request(), async () => {
    order.push('job')
    return { value: null, result: 'Done' }
  })
  await onlyActive('queued')
  end.resolve()
  await Promise.all([between, next])
  expect(order).toEqual(['between', 'job'])
  expect((await jobs().list({ limit: 50 })).map(({ kind }) => kind)).not.toContain('between')
})

test('a job runs, settles as its work does, and its row says what was done', async () => {
  const lines: string[] = []
  const value = await queue.run(request({ emit: (line) => lines.push(line) }), async (job) => {
    expect(await jobs().get(job.id)).toMatchObject({ state: 'running', kind: 'push', app: blog.id, actor: 'laptop' })
    job.emit('first\nsecond')
    job.did({ do: 'start', process: 'web', index: 1 })
    job.commit()
    job.did({ do: 'switch', app: 'blog' })
    return { value: job.id, result: 'Released blog v1' }
  })
  expect(await jobs().get(value)).toMatchObject({
    state: 'succeeded',
    result: 'Released blog v1',
    operations: ['start web.1', 'switch the routes of blog'],
  })
  expect(lines).toEqual(['first', 'second'])
  expect(await read(value)).toEqual(lines)
  expect(statSync(logOf(value)).mode & 0o777).toBe(0o600)
  expect(woken).toEqual(expect.arrayContaining(['jobs', `job:${value}`]))
})

test('a job that fails throws what its work threw, and its log says why', async () => {
  const failure = new UserError('refused', 'The build failed.', 'Read its log.', ['line 1'])
  const ids: number[] = []
  const run = queue.run(request(), async (job) => {
    ids.push(job.id)
    throw failure
  })
  await expect(run).rejects.toBe(failure)
  const [id = 0] = ids
  expect(await jobs().get(id)).toMatchObject({ state: 'failed', result: 'The build failed.' })
  expect(await read(id)).toEqual([' !     The build failed.', ' !     Read its log.', '       line 1'])
})

test('a bug is recorded without its message', async () => {
  const run = queue.run(request(), async () => {
    throw new Error('secret detail')
  })
  await expect(run).rejects.toThrow('secret detail')
  const [job] = await jobs().list({ limit: 1 })
  expect(job).toMatchObject({ state: 'failed', result: expect.stringContaining('Internal error') })
})

test('jobs of one app run one at a time in the order they came, and say whom they wait for', async () => {
  const first = held()
  const order: number[] = []
  const lines: string[][] = [[], []]
  const others = lines.map((own, n) =>
    queue.run(request({ emit: (line) => own.push(line) }), async () => {
      order.push(n)
      return { value: n, result: 'Done' }
    }),
  )
  const { id } = await first.begun
  await expect.poll(() => lines.flat().length).toBe(2)
  expect(lines[0]).toEqual([`Waiting for job ${id} (push by laptop), 1 before you`])
  expect(lines[1]).toEqual([`Waiting for job ${id} (push by laptop), 2 before you`])
  expect((await jobs().list({ active: true, limit: 9 })).map(({ state }) => state)).toEqual([
    'queued',
    'queued',
    'running',
  ])
  expect(order).toEqual([])
  first.end()
  await Promise.all(others)
  expect(order).toEqual([0, 1])
})

test('jobs of other apps, and those of no app, wait for nobody', async () => {
  const all = [held(), held({ app: shop }), held({ app: null }), held({ app: null })]
  await Promise.all(all.map(({ begun }) => begun))
  for (const { end } of all) end()
  await Promise.all(all.map(({ done }) => done))
})

test('a queued job that is cancelled never runs, and the next one moves up', async () => {
  const first = held()
  await first.begun
  const second = held()
  const id = await onlyActive('queued')
  const third = queue.run(request(), async (job) => ({ value: job.id, result: 'Done' }))
  await queue.cancel(id)
  await expect(second.done).rejects.toMatchObject({ code: 'cancelled' })
  expect(await jobs().get(id)).toMatchObject({ state: 'cancelled', startedAt: null })
  first.end()
  await third
})

test('a running job is cancelled before its point of no return, and not after it', async () => {
  const early = held()
  const { id } = await early.begun
  await queue.cancel(id)
  await expect(early.done).rejects.toMatchObject({ code: 'cancelled', message: /nothing has changed/ })
  expect((await jobs().get(id))?.state).toBe('cancelled')

  const late = held()
  const job = await late.begun
  job.commit()
  job.commit()
  await expect(queue.cancel(job.id)).rejects.toMatchObject({ code: 'conflict', message: /point of no return/ })
  expect(job.signal.aborted).toBe(false)
  late.end()
  await late.done
  await expect(queue.cancel(job.id)).rejects.toMatchObject({ code: 'conflict', message: /ended already \(succeeded\)/ })
  await expect(queue.cancel(999_999)).rejects.toMatchObject({ code: 'not-found' })
})

test('commit throws when the job was cancelled before it', async () => {
  const gate = Promise.withResolvers<void>()
  const run = queue.run(request(), async (job) => {
    await gate.promise
    job.commit()
    return { value: 0, result: 'never' }
  })
  run.catch(() => {})
  await queue.cancel(await onlyActive('running'))
  gate.resolve()
  await expect(run).rejects.toMatchObject({ code: 'cancelled' })
})

test('an asker who hangs up cancels the job before its point of no return only', async () => {
  const early = new AbortController()
  const first = held({ signal: early.signal })
  await first.begun
  early.abort()
  await expect(first.done).rejects.toMatchObject({ code: 'cancelled' })

  const late = new AbortController()
  const second = held({ signal: late.signal })
  const job = await second.begun
  job.commit()
  late.abort()
  second.end()
  expect(await second.done).toBe(job.id)
  await expect(
    queue.run(request({ signal: late.signal }), async () => ({ value: 1, result: '' })),
  ).rejects.toMatchObject({
    code: 'cancelled',
  })
})

test('an asker whose lines go nowhere does not stop the job', async () => {
  const emit = () => {
    throw new Error('gone')
  }
  await queue.run(request({ emit }), async (job) => {
    job.emit('into the void')
    return { value: 0, result: 'Done' }
  })
})

test('output is followed live by several readers until the job ends, or the reader leaves', async () => {
  const job = held()
  const running = await job.begun
  running.emit('before')
  const leave = new AbortController()
  const readers = [read(running.id, true), read(running.id, true)]
  const leaver = Array.fromAsync(queue.output(running.id, { follow: true, signal: leave.signal }))
  expect(await read(running.id)).toEqual(['before'])
  running.emit('during ü')
  leave.abort()
  await leaver
  for (let n = 0; n < 500; n++) running.emit(`line ${n}`)
  job.end()
  const all = await Promise.all(readers)
  for (const lines of all) {
    expect(lines).toHaveLength(502)
    expect(lines.slice(0, 2)).toEqual(['before', 'during ü'])
  }
  await expect(read(999_999)).rejects.toMatchObject({ code: 'not-found' })
})

test('a log of more than 10 MB is cut with one line that says so, and the asker still hears everything', async () => {
  let heard = 0
  const id = await queue.run(request({ emit: () => heard++ }), async (job) => {
    for (let n = 0; n < 12_000; n++) job.emit('x'.repeat(1_000))
    return { value: job.id, result: 'Done' }
  })
  expect(heard).toBe(12_000)
  expect(statSync(logOf(id)).size).toBeLessThan(10 * 1024 * 1024 + 100)
  const lines = readFileSync(logOf(id), 'utf8').trimEnd().split('\n')
  expect(lines.at(-1)).toMatch(/longer than 10 MB/)
  expect(lines.filter((line) => line.includes('10 MB'))).toHaveLength(1)
})

test('a job keeps its lease with a heartbeat', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  const beats: { ids: readonly number[]; until: string }[] = []
  const heartbeat = async (ids: readonly number[], until: string) => void beats.push({ ids, until })
  const beating = makeQueue({ jobs: { ...jobs(), heartbeat } })
  const job = held({}, beating)
  const { id } = await job.begun
  vi.advanceTimersByTime(20_000)
  vi.useRealTimers()
  expect(beats.map(({ ids }) => ids)).toEqual([[id], [id]])
  expect(Date.parse(beats[0]?.until ?? '') - Date.now()).toBeGreaterThan(25_000)
  job.end()
  await job.done
})

test('a store that is away when a job ends hears the verdict when it is back; the asker hears it at once', async () => {
  let away = true
  const move: Jobs['move'] = async (...args) => {
    if (away) throw new UserError('unavailable', 'The store does not answer.')
    return jobs().move(...args)
  }
  const own = makeQueue({ jobs: { ...jobs(), move } })
  const id = await own.run(request(), async (job) => ({ value: job.id, result: 'Done' }))
  expect((await jobs().get(id))?.state).toBe('running')
  away = false
  await own.close(10_000)
  expect(await jobs().get(id)).toMatchObject({ state: 'succeeded', result: 'Done' })
})

test('an rqlite that is killed under a job hears its verdict when it is back', async () => {
  const { store, rqlited, stop } = await startStore('rqlite')
  const own = makeQueue(store)
  const job = held({}, own)
  const { id } = await job.begun
  await rqlited?.kill()
  job.end()
  expect(await job.done).toBe(id)
  rqlited?.start()
  await own.close(20_000)
  expect(await store.jobs.get(id)).toMatchObject({ state: 'succeeded', result: 'Done' })
  await stop()
})

test('a slow write at the point of no return never overwrites the end', async () => {
  const record: Jobs['record'] = async (...args) => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    await jobs().record(...args)
  }
  const own = makeQueue({ jobs: { ...jobs(), record } })
  const id = await own.run(request(), async (job) => {
    job.commit()
    job.did({ do: 'release-task' })
    return { value: job.id, result: 'Done' }
  })
  await own.close(1_000)
  expect((await jobs().get(id))?.operations).toEqual(['run the release task'])
})

test('a store that is away when a job begins refuses it, and the lane stays free', async () => {
  const create = async () => Promise.reject(new UserError('unavailable', 'The store does not answer.'))
  const own = makeQueue({ jobs: { ...jobs(), create } })
  for (let n = 0; n < 2; n++) {
    await expect(own.run(request(), async () => ({ value: 1, result: '' }))).rejects.toMatchObject({
      code: 'unavailable',
    })
  }
})

test('what a dead kernel left is interrupted, or succeeded if it had done its part, and its log says so', async () => {
  const push = { kind: 'push', app: blog.id, actor: 'laptop' }
  const left = await Promise.all([
    jobs().create({ ...push, state: 'running' }),
    jobs().create({ ...push, state: 'queued' }),
    jobs().create({ ...push, kind: 'config', state: 'running' }),
  ])
  await queue.recover(async ({ kind }) =>
    kind === 'config' ? { to: 'succeeded', text: 'v2 is live.' } : { to: 'interrupted', text: 'Interrupted: …' },
  )
  const ended = await Promise.all(
    left.map(async ({ id }) => [(await jobs().get(id))?.state, ...(await read(id, true))]),
  )
  const interrupted = ['interrupted', expect.stringMatching(/^Interrupted/)]
  expect(ended).toEqual([interrupted, interrupted, ['succeeded', 'v2 is live.']])
})

test('closing lets running jobs end, turns waiting ones away, and takes no new ones', async () => {
  const own = makeQueue()
  const first = held({}, own)
  const { id } = await first.begun
  const second = held({}, own)
  const waiting = await onlyActive('queued')
  const closed = own.close(10_000)
  await expect(second.done).rejects.toMatchObject({ code: 'unavailable' })
  await expect(own.run(request(), async () => ({ value: 1, result: '' }))).rejects.toMatchObject({
    code: 'unavailable',
  })
  first.end()
  await closed
  expect((await jobs().get(id))?.state).toBe('succeeded')
  expect((await jobs().get(waiting))?.state).toBe('interrupted')
  const stuck = makeQueue()
  const long = held({ app: shop }, stuck)
  await long.begun
  await stuck.close(20)
  long.end()
  await long.done
})

test('a log that cannot be written costs its lines, not the job', async () => {
  const own = createJobs({ store: started.store, live: { wake() {} }, journal, logs: '/dev/null', log: quiet })
  const id = await own.run(request(), async (job) => {
    job.emit('lost')
    return { value: job.id, result: 'Done' }
  })
  expect((await jobs().get(id))?.state).toBe('succeeded')
  expect(existsSync(logOf(id))).toBe(false)
  rmSync(logOf(id), { force: true })
  expect(await read(id)).toEqual([])
})

test('a job costs two writes of the store, and one more at its point of no return', async () => {
  let writes = 0
  const counting =
    <A extends unknown[], R>(write: (...args: A) => R) =>
    (...args: A) => {
      writes++
      return write(...args)
    }
  const { create, move, record } = jobs()
  const counted: Jobs = { ...jobs(), create: counting(create), move: counting(move), record: counting(record) }
  const own = makeQueue({ jobs: counted })
  await own.run(request(), async () => ({ value: 1, result: 'Done' }))
  expect(writes).toBe(2)
  await own.run(request(), async (job) => {
    job.did({ do: 'release-task' })
    job.commit()
    return { value: 1, result: 'Done' }
  })
  expect(writes).toBe(5)
})

test('no line of a job makes a terminal do more than show it', async () => {
  const said: string[] = []
  const id = await queue.run(request({ emit: (line) => said.push(line) }), async (job) => {
    job.emit('a\x1b]0;title\x07b\x1b[2Jc\x1b[32mgreen\r\x00')
    return { value: job.id, result: 'Done' }
  })
  expect(said).toEqual(['abc\x1b[32mgreen\x1b[0m'])
  expect((await read(id))[0]).toBe(said[0])
})
