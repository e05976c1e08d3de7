import { expect, test } from 'vitest'
import { firstMissing, matches, parseScript, words } from './script.ts'

test('a script is its promise, and steps with how they end and what they print', () => {
  expect(parseScript('# it works\n\n$ git push\nremote: done\n# why\n!37 ssh host run\n! false\n')).toEqual({
    promise: 'it works',
    steps: [
      { line: 3, typed: 'git push', ends: 'well', expected: ['remote: done'], whole: false },
      { line: 6, typed: 'ssh host run', ends: 37, expected: [], whole: false },
      { line: 7, typed: 'false', ends: 'badly', expected: [], whole: false },
    ],
  })
})

test('a script without a promise, or with output before a command, is refused', () => {
  expect(() => parseScript('$ ls\n')).toThrow('promise')
  expect(() => parseScript('# a\nhello\n')).toThrow('Line 2')
})

test('words are split as a shell splits them, and nothing else is expanded', () => {
  expect(words(`git commit -m "two words" 'it is' a="b c" ~/x $HOME *`, '/home/me')).toEqual([
    'git',
    'commit',
    '-m',
    'two words',
    'it is',
    'a=b c',
    '/home/me/x',
    '$HOME',
    '*',
  ])
  expect(words(`set A= ''`, '/')).toEqual(['set', 'A=', ''])
})

test('expected lines appear in order, other lines may stand between', () => {
  const output = ['one', 'two', 'three']
  expect(firstMissing({ expected: ['one', 'three'], whole: false }, output)).toBeNull()
  expect(firstMissing({ expected: ['three', 'one'], whole: false }, output)).toBe(1)
  expect(firstMissing({ expected: ['one', 'one'], whole: false }, output)).toBe(1)
})

test('a whole block allows no other line', () => {
  expect(firstMissing({ expected: ['one', 'two'], whole: true }, ['one', 'two'])).toBeNull()
  expect(firstMissing({ expected: ['one'], whole: true }, ['one', 'two'])).toBe(1)
  expect(firstMissing({ expected: ['one', 'two'], whole: true }, ['one'])).toBe(1)
  expect(firstMissing({ expected: ['one', 'two'], whole: true }, ['one', 'three'])).toBe(1)
})

test('… stands for anything, the rest is literal', () => {
  expect(matches('Released … (… s)', 'Released v12 (0.4 s)')).toBe(true)
  expect(matches('a.c', 'abc')).toBe(false)
  expect(matches('a', 'ab')).toBe(false)
})
