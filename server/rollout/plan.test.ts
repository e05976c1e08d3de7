import { describe, expect, test } from 'vitest'
import type { ObservedContainer, Place } from '../domain/container.ts'
import { describe as inWords } from '../domain/operation.ts'
import type { Release } from '../domain/release.ts'
import { needsFreshGroup, operations, planGroup, wantedPlaces } from './plan.ts'
import { targetsOf } from './targets.ts'

const states = ['created', 'running', 'restarting', 'exited', 'paused', 'dead', 'removing'] as const
const process = { image: 'sha256:a', command: null, port: null }
const release = {
  app: '0a0a0a0a',
  version: 3,
  processes: { release: process, worker: process, clock: process, web: { ...process, port: 5000 } },
} as unknown as Release
const scales = (web: number, worker = 0) => ({
  web: { quantity: web, memory: 512 },
  worker: { quantity: worker, memory: 512 },
})

function place(name: string, group = 'aaaaaaaa'): Place {
  const [type = '', index] = name.split('.')
  return { app: '0a0a0a0a', process: type, index: Number(index), release: 3, group }
}

function container(name: string, state: ObservedContainer['state'] = 'running', group = 'aaaaaaaa'): ObservedContainer {
  const at = place(name, group)
  const port = at.process === 'web' ? 5000 : null
  return { ...at, id: `${group} ${name}`, address: `10.0.0.${at.index + 1}`, memory: 512, port, state }
}

const names = (places: readonly Place[]) => places.map((one) => `${one.process}.${one.index}`)

test('web comes first, types that are scaled to none and the release task not at all', () => {
  expect(names(wantedPlaces(release, scales(2, 1), 'aaaaaaaa'))).toEqual(['web.1', 'web.2', 'worker.1'])
  expect(names(wantedPlaces(release, {}, 'aaaaaaaa'))).toEqual(['web.1'])
})

describe('the plan of a group', () => {
  test('starts what is missing, keeps what is right, retires what is too much or of another group', () => {
    const plan = planGroup(
      [place('web.1'), place('web.2')],
      [container('web.1'), container('web.3'), container('web.1', 'running', 'bbbbbbbb')],
    )
    expect(names(plan.starts)).toEqual(['web.2'])
    expect(names(plan.keeps)).toEqual(['web.1'])
    expect(plan.retires.map(({ id }) => id)).toEqual(['aaaaaaaa web.3', 'bbbbbbbb web.1'])
  })

  test('sends the group that serves back to work, and leaves what the engine is at to the engine', () => {
    const of = (state: ObservedContainer['state']) => {
      const plan = planGroup([place('web.1')], [container('web.1', state)])
      return Object.entries(plan).flatMap(([what, list]) => (list.length > 0 ? [what] : []))
    }
    expect(Object.fromEntries(states.map((state) => [state, of(state)]))).toEqual({
      created: ['resumes'],
      running: ['keeps'],
      restarting: ['keeps'],
      exited: ['resumes'],
      paused: ['keeps'],
      dead: ['starts', 'retires'],
      removing: ['starts'],
    })
  })

  test('accounts for every place and container once, and comes to rest, whatever was there', () => {
    let seed = 7
    const random = (limit: number) => {
      seed = (seed * 1103515245 + 12345) % 2147483648
      return Math.floor((seed / 2147483648) * limit)
    }
    for (let round = 0; round < 2_000; round++) {
      const wanted = wantedPlaces(release, scales(random(4), random(3)), 'aaaaaaaa')
      const all = ['web.1', 'web.2', 'web.3', 'worker.1', 'worker.2', 'clock.1'].flatMap((name) =>
        ['aaaaaaaa', 'bbbbbbbb'].map((group) => container(name, states[random(states.length)], group)),
      )
      const there = all.filter(() => random(2) === 0)
      const { starts, resumes, keeps, retires } = planGroup(wanted, there)
      expect(starts.length + resumes.length + keeps.length).toBe(wanted.length)
      const handled = [...resumes, ...keeps, ...retires]
      expect(new Set(handled).size).toBe(there.filter(({ state }) => state !== 'removing').length)
      const after = [
        ...keeps,
        ...resumes,
        ...starts.map((one) => container(names([one])[0] ?? '', 'running', one.group)),
      ]
      const again = planGroup(
        wanted,
        after.map((one) => ({ ...one, state: 'running' as const })),
      )
      expect([again.starts, again.resumes, again.retires]).toEqual([[], [], []])
    }
  })
})

test('a container with another memory limit than the formation’s asks for a fresh group', () => {
  const plan = planGroup([place('web.1')], [container('web.1')])
  expect(needsFreshGroup(plan, scales(1))).toBe(false)
  expect(needsFreshGroup(plan, { web: { quantity: 1, memory: 1024 } })).toBe(true)
})

test.each([
  ['deploy', ['start web.1', 'check web.1', 'switch the routes of blog', 'drain and stop worker.1 of v3']],
  ['scale', ['start web.1', 'check web.1', 'switch the routes of blog', 'drain and stop worker.1 of v3']],
] as const)('the operations of a %s are in the order in which they happen', (kind, lines) => {
  const plan = { starts: [place('web.1')], retires: [container('worker.1')] }
  expect(operations(kind, { name: 'blog' }, plan).map(inWords)).toEqual(lines)
})

test('scaling only workers leaves the routes alone; stopping and destroying leave them first', () => {
  const app = { name: 'blog' }
  const retires = [container('worker.1')]
  expect(operations('scale', app, { starts: [], retires }).map(({ do: what }) => what)).toEqual(['retire'])
  expect(operations('stop', app, { starts: [], retires }).map(({ do: what }) => what)).toEqual(['unroute', 'retire'])
  expect(operations('destroy', app, { starts: [], retires }).map(inWords)).toEqual([
    'take blog off its routes',
    'drain and stop worker.1 of v3',
    'destroy the network of blog',
  ])
})

test('requests go to running web containers of the group that serves, and to no other', () => {
  const app = { id: '0a0a0a0a', group: 'aaaaaaaa', stopped: false } as never
  const all = [
    ...states.map((state, n) => container(`web.${n + 1}`, state)),
    container('web.9', 'running', 'bbbbbbbb'),
    container('worker.1'),
    container('web.8'),
  ]
  expect(targetsOf(app, all, (id) => id.endsWith('web.8'))).toEqual(['10.0.0.3:5000'])
  expect(targetsOf({ ...(app as object), stopped: true } as never, all, () => false)).toEqual([])
})
