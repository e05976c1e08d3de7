import { expect, test } from 'vitest'
import {
  appNetwork,
  deviceNetwork,
  endpointAddress,
  endpointBlock,
  hostNumber,
  poolProblem,
  poolSize,
} from './subnets.ts'

test('each app has its own /24, with a part that the engine chooses from', () => {
  expect(appNetwork('10.64.0.0/12', 'x1', '0a1b2c3d', 259)).toEqual({
    name: 'mp-x1-0a1b2c3d',
    subnet: '10.65.3.0/24',
    gateway: '10.65.3.1',
    range: '10.65.3.240/28',
    bridge: 'mpx1-77',
  })
})

test('the whole pool is used, and nothing beyond it', () => {
  expect(poolSize('10.64.0.0/12')).toBe(4096 - 8)
  expect(poolSize('192.168.16.0/20')).toBe(8)
  expect(appNetwork('10.64.0.0/12', 'x', 'a', 4095).subnet).toBe('10.79.255.0/24')
  expect(appNetwork('192.168.0.0/16', 'x', 'a', 255).subnet).toBe('192.168.255.0/24')
})

test('the last eight /24 of the pool are for devices', () => {
  expect(endpointBlock('10.64.0.0/12')).toBe('10.79.248.0/22')
  expect(endpointAddress('10.64.0.0/12', 1)).toBe('10.79.248.1')
  expect(endpointAddress('10.64.0.0/12', 1022)).toBe('10.79.251.254')
  expect(deviceNetwork('10.64.0.0/12', 'x1')).toEqual({
    name: 'mp-x1-devices',
    subnet: '10.79.252.0/22',
    gateway: '10.79.252.1',
    bridge: 'mpx1-DEV',
  })
  expect(endpointBlock('192.168.16.0/20')).toBe('192.168.24.0/22')
})

test('a bridge name fits into the fifteen characters that Linux allows', () => {
  for (const index of [0, 4095, 65535]) {
    expect(appNetwork('10.0.0.0/8', 'abcdefgh', 'a', index).bridge.length).toBeLessThanOrEqual(15)
  }
})

test.each([
  ['10.64.0.0', /is not an IPv4 block/],
  ['10.64.0/12', /is not an IPv4 block/],
  ['10.300.0.0/12', /is not an IPv4 block/],
  ['fd00::/12', /is not an IPv4 block/],
  ['10.0.0.0/7', /is a \/7/],
  ['10.0.0.0/21', /is a \/21/],
  ['10.65.0.0/12', /does not begin where a \/12 begins/],
])('%s is no pool', (pool, problem) => {
  expect(poolProblem(pool)).toMatch(problem)
})

test('a block of private addresses is a pool', () => {
  for (const pool of ['10.64.0.0/12', '192.168.0.0/16', '172.30.16.0/20']) expect(poolProblem(pool)).toBeNull()
  expect(hostNumber('10.64.3.17')).toBe(17)
})
