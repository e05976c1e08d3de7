import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'
import { commit, edit, example, push } from './repository.ts'

const names = ['ant', 'bee', 'cat', 'dog']

describe('restarts', { timeout: 180_000 }, () => {
  const at = inSystem(async ({ person }) => {
    const top = person.folder
    for (const name of names) {
      person.folder = top
      await example(person, 'node-procfile', name)
      await edit(person, 'web.js', 'version one', name)
      await commit(person, name)
      await push(person)
    }
  })

  const eachAnswersItsOwnName = async () => {
    for (const name of names) {
      await expect
        .poll(() => at.get(`${name}.localhost`), { timeout: 30_000, interval: 200 })
        .toBe(`Hello from ${name}\n`)
    }
  }

  test('after all containers were stopped and started in another order, each app answers its own name', async () => {
    await at.system.installer('stop')
    const ids = await containers()
    await quickly('docker', 'stop', '--time', '2', ...ids)
    await quickly('docker', 'start', ...ids.reverse())
    await at.system.installer('start')
    await eachAnswersItsOwnName()
  })

  test('containers that stayed down, as after a lost reboot, are started again', async () => {
    await at.system.installer('stop')
    await quickly('docker', 'stop', '--time', '2', ...(await containers()))
    await at.system.installer('start')
    await eachAnswersItsOwnName()
  })

  test('a kernel that is killed comes back, and no request fails meanwhile', async () => {
    const before = await at.system.pid('kernel')
    process.kill(before, 'SIGKILL')
    await eachAnswersItsOwnName()
    await expect.poll(() => at.system.pid('kernel').catch(() => before), { timeout: 20_000 }).not.toBe(before)
    await expect
      .poll(async () => (await at.person.run(['ssh', 'megapolos', 'apps:list'])).exit, { timeout: 20_000 })
      .toBe(0)
  })

  async function containers(): Promise<string[]> {
    return (await at.person.must('docker', 'ps', '--quiet')).split('\n')
  }
})
