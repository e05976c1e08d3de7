import { beforeEach, expect, test } from 'vitest'
import type { Ending, ObservedContainer } from '../domain/container.ts'
import type { Acting } from './acting.ts'
import { type Crashes, createCrashes } from './crashes.ts'

const app = { id: '0a1b2c3d', name: 'blog', group: 'cafe0001', stopped: false }
const container = { id: 'c1', app: app.id, process: 'web', index: 1, group: 'cafe0001', memory: 512 }

let told: string[]
let known: typeof app | null
let observed: Partial<ObservedContainer>[]
let ending: Partial<Ending>
let crashes: Crashes
const leaving = new Set<string>()

beforeEach(() => {
  told = []
  known = app
  observed = [container]
  ending = {}
  leaving.clear()
  crashes = createCrashes({
    parts: {
      engine: { inspect: async () => ({ ending }), list: async () => observed },
      store: { apps: { byId: async () => known } },
      journal: { record: ({ text }: { text: string }) => void told.push(text) },
    },
    retirement: { leaving: (id: string) => leaving.has(id) },
  } as unknown as Acting)
})
const ended = (exitCode = 1) => crashes.ended('c1', app.id, exitCode)

test('one that crashes is told of with its code, one that needed more memory with its limit', async () => {
  await ended(3)
  ending = { oomKilled: true }
  crashes.forget('c1')
  await ended(137)
  expect(told).toEqual([
    'web.1 of blog crashed with code 3.',
    'web.1 of blog was killed: it needs more memory than its limit of 512 MiB.',
  ])
})

test('one that crashes for ever does not fill the journal', async () => {
  for (let times = 0; times < 100; times++) await ended()
  expect(told.map((text) => /(\d+)(nd|th) time/.exec(text)?.[1] ?? '1')).toEqual(['1', '2', '4', '8', '16', '32', '64'])
})

test('those that are wanted to end, that never served, or whose app is stopped or gone, are not told of', async () => {
  leaving.add('c1')
  await ended()
  leaving.clear()
  observed = [{ ...container, group: 'cafe0002' }]
  await ended()
  observed = [container]
  known = { ...app, stopped: true }
  await ended()
  known = null
  await ended()
  expect(told).toEqual([])
})
