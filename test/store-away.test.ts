import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { example, push } from './repository.ts'

const onSqlite = process.env.MEGAPOLOS_STORE === 'sqlite'

describe('what the kernel leans on goes away', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })

  test('without Redis everything works, and the version says that live updates pause', async () => {
    await frozen('redis', async () => {
      await at.person.must('ssh', 'megapolos', 'apps:list')
      await soon(() => at.person.must('ssh', 'megapolos', 'server:version'), /live updates pause/)
      await at.person.must('ssh', 'megapolos', 'config:set', 'blog', 'GREETING=Still')
      expect(await at.get('blog.localhost')).toBe('Still version one\n')
    })
    await soon(() => at.person.must('ssh', 'megapolos', 'server:version'), /Redis: +answers/)
  })

  test.runIf(!onSqlite)(
    'without its store apps go on serving, commands say what is missing, and all is well when it is back',
    async () => {
      const load = startLoad({ port: at.system.httpPort, host: 'blog.localhost', posts: true })
      await frozen('rqlite', async () => {
        const { exit, output } = await at.person.run(['ssh', 'megapolos', 'apps:list'])
        expect({ exit, output }).toMatchObject({ exit: 75, output: expect.stringMatching(/^ ! {5}.*rqlite/m) })
      })
      await soon(() => at.person.must('ssh', 'megapolos', 'apps:list'), /blog/)
      expect((await load.stop()).failures).toEqual([])
    },
  )

  test.each(onSqlite ? ['redis', 'proxy'] : ['redis', 'rqlite', 'proxy'])(
    '%s that is killed is back by itself',
    async (server) => {
      const pid = await at.system.pid(server)
      process.kill(pid, 'SIGKILL')
      await expect.poll(() => at.system.pid(server).catch(() => pid), { timeout: 20_000 }).not.toBe(pid)
      await soon(() => at.get('blog.localhost'), /version one/)
      await soon(() => at.person.run(['ssh', 'megapolos', 'apps:list']).then(({ output }) => output), /blog/)
    },
  )

  /** Runs `work` while a server does not answer, although its port is open. */
  async function frozen(server: string, work: () => Promise<void>): Promise<void> {
    const pid = await at.system.pid(server)
    process.kill(pid, 'SIGSTOP')
    try {
      await work()
    } finally {
      process.kill(pid, 'SIGCONT')
    }
  }

  const soon = (said: () => Promise<string>, text: RegExp) =>
    expect.poll(() => said().catch(String), { timeout: 20_000, interval: 200 }).toMatch(text)
})
