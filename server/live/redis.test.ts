/** Live state on a real Redis that goes away and comes back. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { testFolder } from '../state/stores-for-test.ts'
import type { Live, LiveApp } from './live.ts'
import { openLive } from './redis.ts'

const folder = testFolder()
const socket = join(folder, 'redis.sock')
const lines: string[] = []
const log = createLog((line) => lines.push(line))
const state: LiveApp = { name: 'blog', state: 'running', release: 3, processes: { web: { wanted: 2, running: 2 } } }
let redis: ChildProcess
let live: Live

function start(): void {
  redis = spawn('redis-server', ['--port', '0', '--unixsocket', socket, '--save', '', '--dir', folder], {
    stdio: 'ignore',
  })
  writeFileSync(join(folder, 'pid'), String(redis.pid))
}

async function kill(): Promise<void> {
  const ended = once(redis, 'exit')
  redis.kill('SIGKILL')
  await ended
  await expect.poll(() => live.available()).toBe(false)
}

const available = (wanted = live) => expect.poll(() => wanted.available(), { timeout: 15_000 }).toBe(true)

beforeAll(() => {
  start()
  live = openLive({ socket, log })
})
afterAll(async () => {
  await live.close()
  redis.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
})

test('the state of an app is mirrored, replaced and forgotten', async () => {
  await available()
  await live.setApp('a1', state)
  await live.setApp('a1', { ...state, state: 'stopped' })
  expect(await live.apps()).toEqual({ a1: { ...state, state: 'stopped' } })
  await live.keepLog('a1', [{ at: 't', process: 'web.1', release: 1, text: 'bye' }])
  await live.forget('a1')
  expect(await live.apps()).toEqual({})
  expect(await live.keptLog('a1', 10)).toEqual([])
})

test('the last thousand lines of an app are kept, newest last', async () => {
  const line = (n: number) => ({ at: 't', process: 'web.1', release: 1, text: `line ${n}` })
  await live.keepLog(
    'b',
    Array.from({ length: 700 }, (_, n) => line(n)),
  )
  await live.keepLog(
    'b',
    Array.from({ length: 700 }, (_, n) => line(700 + n)),
  )
  await live.keepLog('b', [])
  expect(await live.keptLog('b', 2)).toEqual([line(1398), line(1399)])
  const all = await live.keptLog('b', 5_000)
  expect(all).toHaveLength(1_000)
  expect(all[0]).toEqual(line(400))
  expect(await live.keptLog('b', 0)).toEqual([])
})

test('a wake-up reaches watchers here once, and those of another process', async () => {
  const other = openLive({ socket, log })
  await available(other)
  const [here, there]: [string[], string[]] = [[], []]
  const ends = [live.watch((topic) => here.push(topic)), other.watch((topic) => there.push(topic))]
  const arrives = (topic: string) => {
    live.wake(topic)
    return there.includes(topic)
  }
  await expect.poll(() => arrives('probe')).toBe(true)
  here.length = 0
  live.wake('app:a1')
  await expect.poll(() => there.includes('app:a1')).toBe(true)
  expect(here).toEqual(['app:a1'])
  for (const end of ends) end()
  live.wake('jobs')
  expect(here).toEqual(['app:a1'])
  await other.close()
})

test('a watcher that throws stops nobody', () => {
  const heard: string[] = []
  const ends = [
    live.watch(() => {
      throw new Error('broken')
    }),
    live.watch((topic) => heard.push(topic)),
  ]
  live.wake('jobs')
  expect(heard).toEqual(['jobs'])
  for (const end of ends) end()
})

test('while Redis is away states are those of this kernel and wake-ups here go on, at once; then it recovers by itself', async () => {
  const heard: string[] = []
  const end = live.watch((topic) => heard.push(topic))
  await live.setApp('kept', state)
  lines.length = 0
  await kill()
  const begin = performance.now()
  await live.setApp('a2', state)
  await live.keepLog('a2', [{ at: 't', process: 'web.1', release: 1, text: 'lost' }])
  await live.forget('nobody')
  expect(await live.apps()).toEqual({ kept: state, a2: state })
  expect(await live.keptLog('a2', 5)).toEqual([])
  live.wake('app:a2')
  expect(heard).toEqual(['app:a2'])
  expect(performance.now() - begin).toBeLessThan(500)

  rmSync(socket, { force: true })
  start()
  await expect.poll(() => heard.includes('*'), { timeout: 15_000 }).toBe(true)
  expect(await live.apps()).toEqual({ kept: state, a2: state })
  const told = (event: string) => lines.filter((line) => line.includes(event))
  await expect.poll(() => told('live.back')).toHaveLength(1)
  expect(told('live.away')).toHaveLength(1)
  end()
})

test('a Redis that hangs counts as away after the first call, and is back when it goes on', async () => {
  await available()
  redis.kill('SIGSTOP')
  await live.apps()
  expect(live.available()).toBe(false)
  const begin = performance.now()
  await live.apps()
  expect(performance.now() - begin).toBeLessThan(100)
  redis.kill('SIGCONT')
  await available()
})

test('a Redis that was never there is no obstacle to starting, working and ending', async () => {
  const alone = openLive({ socket: join(folder, 'nowhere.sock'), log: createLog(() => {}) })
  expect(alone.available()).toBe(false)
  await alone.setApp('a', state)
  expect(await alone.apps()).toEqual({ a: state })
  await alone.close()
  const ended = openLive({ socket, log })
  await ended.close()
  expect(ended.available()).toBe(false)
})
