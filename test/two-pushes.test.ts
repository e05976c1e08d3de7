import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { commit, edit, example, push } from './repository.ts'

describe('two pushes at once', () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })

  test('of two commits with one parent one is refused, and the branch names the one that serves', {
    timeout: 120_000,
  }, async () => {
    const { person } = at
    for (const name of ['left', 'right']) {
      await person.must('git', 'checkout', '--quiet', '-B', name, 'main')
      await edit(person, 'web.js', 'version one', name)
      await commit(person, name)
    }
    const pushes = ['left', 'right'].map((name) => person.run(['git', 'push', 'megapolos', `${name}:main`]))
    const [left, right] = await Promise.all(pushes)
    const winner = left?.exit === 0 ? 'left' : 'right'
    const said = `${left?.output}\n${right?.output}`
    expect([left?.exit === 0, right?.exit === 0].sort(), said).toEqual([false, true])

    expect(await at.get('blog.localhost')).toBe(`Hello from ${winner}\n`)
    const commitId = await person.must('git', 'rev-parse', winner)
    expect(await person.must('git', 'ls-remote', 'megapolos', 'main')).toContain(commitId)
    expect(await person.must('ssh', 'megapolos', 'releases:info', 'blog')).toContain(commitId)
    expect(await person.must('ssh', 'megapolos', 'releases', 'blog')).not.toContain('v3')
  })
})
