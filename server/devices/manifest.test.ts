import { expect, test } from 'vitest'
import { parseManifest } from './manifest.ts'

const good = {
  name: 'nginx',
  version: '1.0.0',
  class: 'proxy',
  contract: 1,
  runs: 'module',
  description: 'Sends requests',
  privileges: ['network'],
}
const problemOf = (change: object) => {
  const read = parseManifest(JSON.stringify({ ...good, ...change }))
  return 'problem' in read ? read.problem : null
}

test('a whole manifest is read as it is', () => {
  expect(parseManifest(JSON.stringify(good))).toEqual({ manifest: good })
})

test('an unknown field is an error that names it', () => {
  expect(problemOf({ colour: 'red' })).toBe('has the unknown field colour')
})

test('every field is checked, and the message names the field', () => {
  expect(problemOf({ contract: 2 })).toContain('contract')
  expect(problemOf({ class: 'toaster' })).toContain('class')
  expect(problemOf({ privileges: ['root'] })).toContain('privileges.0')
  expect(problemOf({ name: '../etc' })).toContain('name: must be lower-case')
  expect(problemOf({ version: 'new' })).toContain('version: must be three numbers')
  expect(problemOf({ description: undefined })).toContain('description')
})

test('what is not JSON is said to be none', () => {
  expect(parseManifest('{')).toEqual({ problem: 'is not JSON' })
})
