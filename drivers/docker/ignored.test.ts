import { expect, test } from 'vitest'
import { ignoredNames } from './ignored.ts'

test('patterns, folders and exceptions leave out what Docker would leave out', async () => {
  const names = ['a.log', 'deep/b.log', 'kept.log', 'folder', 'folder/x', 'other/x', 'constructor/x']
  const left = await ignoredNames(names, ['# comment', '**/*.log', '!kept.log', 'folder', '', 'constructor'])
  expect([...left]).toEqual(['a.log', 'deep/b.log', 'folder', 'folder/x', 'constructor/x'])
})

test('patterns that take for ever are given up, and the kernel goes on', async () => {
  const began = performance.now()
  const hostile = `${'*a'.repeat(30)}*b`
  await expect(ignoredNames(['a'.repeat(250)], [hostile], 200)).rejects.toMatchObject({
    code: 'refused',
    message: 'The files could not be compared with .dockerignore within 0.2 s.',
  })
  expect(performance.now() - began).toBeLessThan(3_000)
})
