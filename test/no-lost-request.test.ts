import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { become, commit, edit, example, push } from './repository.ts'

describe('rollouts under load', () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })

  test('21 rollouts and rollbacks, and refused pushes between them, lose no request of 40 keep-alive clients', {
    timeout: 600_000,
  }, async () => {
    const { person, system } = at
    const load = startLoad({ port: system.httpPort, host: 'blog.localhost', posts: true })
    let text = 'version one'
    for (let round = 1; round <= 7; round++) {
      await edit(person, 'web.js', text, `version ${round}`)
      text = `version ${round}`
      await commit(person, text)
      await push(person)
      expect(await at.get('blog.localhost')).toBe(`Hello from ${text}\n`)

      await person.must('ssh', 'megapolos', 'config:set', 'blog', `GREETING=${round}:`)
      expect(await at.get('blog.localhost')).toBe(`${round}: ${text}\n`)

      await person.must('ssh', 'megapolos', 'releases:rollback', 'blog')
      expect(await at.get('blog.localhost')).toBe(`Hello from ${text}\n`)

      if (round % 3 === 0) await refusedPush()
    }
    const { requests, failures, answers } = await load.stop()
    expect(failures).toEqual([])
    expect(answers).toHaveLength(1 + 7 * 2)
    expect(requests).toBeGreaterThan(10_000)
  })

  async function refusedPush(): Promise<void> {
    await become(at.person, 'exits-at-start')
    const { exit, output } = await at.person.run(['git', 'push', 'megapolos', 'main'])
    expect(exit, output).not.toBe(0)
    expect(output).toContain('37')
    await at.person.must('git', 'reset', '--quiet', '--hard', 'HEAD~1')
  }
})
