import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { exchangeAddresses, powerCut, withProxyAlone } from './power-cut.ts'
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

  test('after a reboot that gave addresses to others, each app answers its own name, and none ever another’s', async () => {
    const loads = names.map((name) =>
      startLoad({ port: at.system.httpPort, host: `${name}.localhost`, connections: 2, rest: 20, reconnects: true }),
    )
    await powerCut(at.system)
    const ids = await containers('--all')
    await exchangeAddresses(ids[0] as string, ids[1] as string)
    await quickly('docker', 'start', ...ids.reverse())
    await withProxyAlone(at.system, async () => {
      for (const name of names) expect(await at.get(`${name}.localhost`)).toContain('This server has just started')
    })
    await at.system.installer('start')
    await eachAnswersItsOwnName()
    const reports = await Promise.all(loads.map((load) => load.stop()))
    expect(reports.map(({ answers }) => answers)).toEqual(names.map((name) => [`Hello from ${name}\n`]))
    expect(await containers('--all')).toHaveLength(names.length)
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

  async function containers(...flags: string[]): Promise<string[]> {
    return (await at.person.must('docker', 'ps', '--quiet', ...flags)).split('\n')
  }
})
