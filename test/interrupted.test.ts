import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import type { Started } from './person.ts'
import { become, example, push } from './repository.ts'

describe('pushes that are interrupted', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
    await become(person, 'slow-build')
  })

  const latestBuild = () => at.person.must('ssh', 'megapolos', 'builds:info', 'blog').catch(String)
  const isAt = (state: string) =>
    expect.poll(latestBuild, { timeout: 30_000, interval: 200 }).toMatch(new RegExp(`^state: +${state}$`, 'm'))

  /** By Ctrl-C in the middle of the build. */
  async function hungUp(pushing: Started): Promise<void> {
    await isAt('running')
    process.kill(-pushing.pid, 'SIGINT')
    await pushing.ended
  }

  async function nothingChanged(): Promise<void> {
    expect(await at.get('blog.localhost')).toBe('Hello from version one\n')
    const head = await at.person.must('git', 'rev-parse', 'HEAD~1')
    expect(await at.person.must('git', 'ls-remote', 'megapolos', 'main')).toContain(head)
    const releases = JSON.parse(await at.person.must('ssh', 'megapolos', 'releases', 'blog', '--format', 'json'))
    expect(releases).toHaveLength(1)
    expect((await at.person.must('docker', 'ps', '--all', '--quiet')).split('\n')).toHaveLength(1)
  }

  test('a cancelled build ends at once, the push is refused saying so, and nothing has changed', async () => {
    const pushing = at.person.run(['git', 'push', 'megapolos', 'main'])
    await isAt('running')
    await at.person.must('ssh', 'megapolos', 'builds:cancel', 'blog')
    const { exit, output } = await pushing
    expect({ exit, output }).toMatchObject({ exit: 1, output: expect.stringMatching(/^remote: {2}! {5}.*cancelled/m) })
    await isAt('cancelled')
    await nothingChanged()
  })

  test('who hangs up before the switch cancels the push', async () => {
    await hungUp(at.person.start(['git', 'push', 'megapolos', 'main']))
    await isAt('cancelled')
    await nothingChanged()
  })

  test('over HTTP too', async () => {
    const { person } = at
    await person.run(['ssh', 'megapolos', 'tokens:create', 'ci'], { to: join(person.home, 'ci.token') })
    await hungUp(person.start(['git', 'push', 'http://ci@git.localhost/blog.git', 'main']))
    await isAt('cancelled')
    await nothingChanged()
  })

  test('a kernel that dies in a build refuses the push when it is back, and nothing has changed', async () => {
    const pushing = at.person.run(['git', 'push', 'megapolos', 'main'])
    await isAt('running')
    process.kill(await at.system.pid('kernel'), 'SIGKILL')
    const { exit, output } = await pushing
    expect({ exit, output }).toMatchObject({ exit: 1, output: expect.stringContaining('remote:  !     ') })
    await isAt('interrupted')
    await nothingChanged()
  })
})
