import { expect, test } from 'vitest'
import { nearest } from './nearest.ts'

test.each([
  ['bolg', 'blog'],
  ['blg', 'blog'],
  ['shpo', 'shop'],
  ['config:sett', 'config:set'],
  ['confgi:st', 'config:set'],
  ['warehouse', null],
  ['x', null],
])('%s is near %s', (word, meant) => {
  expect(nearest(word, ['blog', 'shop', 'config:set', 'config:unset'])).toBe(meant)
})

test('the nearest of several is taken, and nothing is near to no words', () => {
  expect(nearest('config:unse', ['config:set', 'config:unset'])).toBe('config:unset')
  expect(nearest('blog', [])).toBeNull()
})
