import { expect, test } from 'vitest'
import { routeTable } from './table.ts'

const domain = (host: string, app: string) => ({ host, app, kind: 'custom' }) as const

test('every host leads to the targets of its app', () => {
  const targets = new Map([['a1', ['10.0.0.2:80', '10.0.0.3:80']]])
  expect(routeTable([domain('x.test', 'a1'), domain('*.x.test', 'a1')], targets)).toEqual({
    hosts: {
      'x.test': { app: 'a1', targets: ['10.0.0.2:80', '10.0.0.3:80'] },
      '*.x.test': { app: 'a1', targets: ['10.0.0.2:80', '10.0.0.3:80'] },
    },
  })
})

test('an app of which nothing runs keeps its hosts, without targets', () => {
  expect(routeTable([domain('x.test', 'a1')], new Map())).toEqual({ hosts: { 'x.test': { app: 'a1', targets: [] } } })
})

test('targets without a host are reached by nobody', () => {
  expect(routeTable([], new Map([['a1', ['10.0.0.2:80']]]))).toEqual({ hosts: {} })
})
