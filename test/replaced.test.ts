import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { quickly } from './quickly.ts'
import { example, push } from './repository.ts'

describe('containers that disappear', () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
    await person.must('ssh', 'megapolos', 'ps:scale', 'blog', 'web=2')
  })

  test('a removed container is back within 5 s, and no GET fails meanwhile', { timeout: 60_000 }, async () => {
    const load = startLoad({ port: at.system.httpPort, host: 'blog.localhost' })
    const [gone = ''] = await webs()
    await quickly('docker', 'rm', '--force', gone)
    await backWithin(5000, gone)
    // The new one serves as well before the load ends.
    await pause(1000)
    expect((await load.stop()).failures).toEqual([])
  })

  test('a container that disappears while the kernel is away is back soon after it', { timeout: 60_000 }, async () => {
    const kernel = await at.system.pid('kernel')
    process.kill(kernel, 'SIGSTOP')
    const [gone = ''] = await webs()
    await quickly('docker', 'rm', '--force', gone)
    process.kill(kernel, 'SIGKILL')
    await backWithin(15_000, gone)
    expect(await at.get('blog.localhost')).toBe('Hello from version one\n')
  })

  async function webs(): Promise<string[]> {
    const filter = ['--filter', 'label=megapolos.process=web']
    return (await at.person.must('docker', 'ps', '--quiet', '--no-trunc', ...filter)).split('\n')
  }

  async function backWithin(milliseconds: number, gone: string): Promise<void> {
    await expect
      .poll(webs, { timeout: milliseconds, interval: 100 })
      .toSatisfy((ids: string[]) => ids.length === 2 && !ids.includes(gone))
  }
})
