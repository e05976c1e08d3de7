import { expect, test } from 'vitest'
import type { Domain } from '../domain/route.ts'
import type { Targets } from './hosting.ts'
import { routeTable } from './table.ts'

const domain = (host: string, app: string) => ({ host, app, kind: 'custom' }) as const
const panel = { app: 'panel', targets: ['127.0.0.1:9180'], unbuffered: true }
const git = { app: 'git', targets: ['127.0.0.1:9181'], unbuffered: true }
const doors = { global: 'test', gitPort: 9181, panelPort: 9180 }
const table = (domains: readonly Domain[], targets: Targets) =>
  routeTable(domains, targets, doors, { rules: new Map(), trusted: [], links: [] }).hosts

test('every host leads to the targets of its app', () => {
  const targets = new Map([['a1', ['10.0.0.2:80', '10.0.0.3:80']]])
  expect(table([domain('x.test', 'a1'), domain('*.x.test', 'a1')], targets)).toEqual({
    'git.test': git,
    'panel.test': panel,
    'x.test': { app: 'a1', targets: ['10.0.0.2:80', '10.0.0.3:80'] },
    '*.x.test': { app: 'a1', targets: ['10.0.0.2:80', '10.0.0.3:80'] },
  })
})

test('an app of which nothing runs keeps its hosts, without targets', () => {
  expect(table([domain('x.test', 'a1')], new Map())).toEqual({
    'git.test': git,
    'panel.test': panel,
    'x.test': { app: 'a1', targets: [] },
  })
})

test('targets without a host are reached by nobody', () => {
  expect(table([], new Map([['a1', ['10.0.0.2:80']]]))).toEqual({ 'git.test': git, 'panel.test': panel })
})

test('an app that had the name of the git door before there was one keeps it', () => {
  const hosts = table([domain('git.test', 'a1')], new Map([['a1', ['10.0.0.2:80']]]))
  expect(hosts).toEqual({ 'git.test': { app: 'a1', targets: ['10.0.0.2:80'] }, 'panel.test': panel })
})

test('proxies that are trusted are in it, and nothing of them when there are none', () => {
  const said = (trusted: string[]) => routeTable([], new Map(), doors, { rules: new Map(), trusted, links: [] })
  expect(said(['10.0.0.0/8']).trusted).toEqual(['10.0.0.0/8'])
  expect(said([])).not.toHaveProperty('trusted')
})
