import { expect, test } from 'vitest'
import { bytesText, parseBytes } from './bytes.ts'
import { budgetFor, neededFor, parseBudget } from './disk.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1500, '1.5 kB'],
  [331_000_000, '331 MB'],
  [20e9, '20.0 GB'],
  [-5, '-5 B'],
])('%d bytes are read as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test.each([
  ['20GB', 20e9],
  ['1.5 gb', 1.5e9],
  ['100 B', 100],
  ['20', null],
  ['GB', null],
  ['-1GB', null],
  ['1e9B', null],
])('%s is understood as %s', (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes)
})

test.each([
  ['50%', { share: 0.5 }],
  ['100%', { share: 1 }],
  ['20GB', { bytes: 20e9 }],
  ['0%', null],
  ['101%', null],
  ['half', null],
  ['', null],
])('the budget %s is %o', (text, budget) => {
  expect(parseBudget(text)).toEqual(budget)
})

test('a build needs a twentieth of a small disk, and a gigabyte of a large one', () => {
  expect(neededFor({ free: 0, total: 2e9 })).toBe(100e6)
  expect(neededFor({ free: 0, total: 500e9 })).toBe(1e9)
})

test('the budget is what was set, as long as twice as much stays free as a build needs', () => {
  const disk = { free: 60e9, total: 100e9 }
  expect(budgetFor('50%', disk, 10e9)).toBe(50e9)
  expect(budgetFor('20GB', disk, 10e9)).toBe(20e9)
  expect(budgetFor('50%', { free: 1e9, total: 100e9 }, 10e9)).toBe(9e9)
})
