import { afterEach, beforeEach, expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { quiet, startStore, type TestStore } from '../state/stores-for-test.ts'
import { createJournal, type Journal } from './journal.ts'

let started: TestStore
let journal: Journal
let watchers: ((topic: string) => void)[]
let refusing: Error | null
let tries: number

beforeEach(async () => {
  started = await startStore('sqlite')
  watchers = []
  refusing = null
  tries = 0
  const events = {
    ...started.store.events,
    add: async (list: Parameters<TestStore['store']['events']['add']>[0]) => {
      tries += 1
      if (refusing) throw refusing
      await started.store.events.add(list)
    },
  }
  const live = {
    wake: (topic: string) => {
      for (const watcher of watchers) watcher(topic)
    },
    watch: (watcher: (topic: string) => void) => {
      watchers.push(watcher)
      return () => watchers.splice(watchers.indexOf(watcher), 1)
    },
  }
  journal = createJournal({ store: { events }, live, log: quiet })
})
afterEach(async () => {
  await journal.close(1000)
  await started.stop()
})

const happened = (text: string) => journal.record({ kind: 'app', app: { id: '0a1b2c3d', name: 'blog' }, text })
const written = async () => (await started.store.events.list({ limit: 100 })).map(({ text }) => text)
const soon = (texts: string[]) => expect.poll(written).toEqual(texts)

test('what happens in quick succession is written in one batch', async () => {
  for (const text of ['a', 'b', 'c']) happened(text)
  await soon(['a', 'b', 'c'])
  expect(tries).toBe(1)
  expect(await started.store.events.list({ limit: 1 })).toMatchObject([{ app: '0a1b2c3d', appName: 'blog', job: null }])
})

test('a store that is away gets it when it is back', async () => {
  refusing = new UserError('unavailable', 'The store is away.')
  happened('a')
  await expect.poll(() => tries).toBeGreaterThan(1)
  happened('b')
  refusing = null
  await soon(['a', 'b'])
})

test('what the store will never take is dropped, and what comes after it is not', async () => {
  refusing = new Error('no such column')
  happened('a')
  await expect.poll(() => tries).toBe(1)
  refusing = null
  happened('b')
  await soon(['b'])
})

test('the end of the kernel waits for what is not written yet', async () => {
  happened('a')
  await journal.close(1000)
  expect(await written()).toEqual(['a'])
})

test('who follows sees the newest, then each new one once, until they leave', async () => {
  for (const text of ['a', 'b', 'c']) happened(text)
  await soon(['a', 'b', 'c'])
  const leaving = new AbortController()
  const seen: string[] = []
  const reading = (async () => {
    for await (const { text } of journal.read({ num: 2, follow: true, signal: leaving.signal })) seen.push(text)
  })()
  await expect.poll(() => seen).toEqual(['b', 'c'])
  happened('d')
  await expect.poll(() => seen).toEqual(['b', 'c', 'd'])
  leaving.abort()
  await reading
  expect(watchers).toEqual([])
})
