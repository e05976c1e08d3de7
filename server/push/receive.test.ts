import { expect, test } from 'vitest'
import { acceptable, unmoved } from './receive.ts'
import { noCommit } from './repositories.ts'

const a = 'a'.repeat(40)
const b = 'b'.repeat(40)
const push = { ref: 'refs/heads/main', old: noCommit, new: a, tree: b }
const blog = { name: 'blog', branch: null as string | null }

test('the first push may choose the branch', () => {
  expect(acceptable({ ...push, ref: 'refs/heads/release/1.0' }, blog)).toBe('release/1.0')
})

test('another branch is told what to type', () => {
  expect(() => acceptable({ ...push, ref: 'refs/heads/fix' }, { ...blog, branch: 'main' })).toThrow(
    expect.objectContaining({
      message: 'blog deploys main, not fix.',
      hint: 'To deploy this branch: git push megapolos fix:main',
    }),
  )
})

test.each([
  [{ ref: 'refs/tags/v1' }, 'refs/tags/v1 is not a branch; only branches are deployed.'],
  [{ ref: 'refs/for/main' }, 'refs/for/main is not a branch; only branches are deployed.'],
  [{ new: noCommit }, 'Deleting main would leave blog without its source.'],
  [{ new: 'abc' }, 'Only repositories with SHA-1 commit names can be pushed.'],
])('%j is refused', (change, message) => {
  expect(() => acceptable({ ...push, ...change }, blog)).toThrow(message)
})

test('a push whose parent was overtaken while it waited is refused', () => {
  expect(() => unmoved({ ...push, old: a, new: b }, a, 'main')).not.toThrow()
  expect(() => unmoved({ ...push, old: a }, b, 'main')).toThrow(
    'main moved from aaaaaaa to bbbbbbb while this push waited.',
  )
  expect(() => unmoved(push, b, 'main')).toThrow('main was created while this push waited.')
})
