import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { quickly } from './quickly.ts'

const install = ['ssh', 'megapolos', 'devices:install', 'mysql', '--name', 'shelf', '--memory', '256'] as const

describe('devices', { timeout: 240_000 }, () => {
  const at = inSystem()
  const containers = async (format: string) =>
    (await at.person.must('docker', 'ps', '--all', '--no-trunc', '--format', format)).split('\n').filter(Boolean)
  const state = async () => /^state: +(.*)$/m.exec(await at.system.console('devices:info', 'shelf'))?.[1]
  const killKernel = async () => {
    const before = await at.system.pid('kernel')
    process.kill(before, 'SIGKILL')
    await expect.poll(() => at.system.pid('kernel').catch(() => before), { timeout: 20_000 }).not.toBe(before)
    await expect.poll(() => at.system.console('devices:list').catch(() => ''), { timeout: 20_000 }).toContain('nginx')
  }

  test('an installation goes on with the same line, wherever the kernel was killed', async () => {
    for (const pause of [300, 1500, 4000]) {
      const installing = at.person.run([...install])
      await delay(pause)
      await killKernel()
      await installing
    }
    await at.person.must(...install)
    expect(await state()).toBe('running')
    expect(await containers('{{.Names}}')).toHaveLength(1)
  })

  test('it outlives its kernel, the servers of the installation, and the collector', async () => {
    const before = await containers('{{.ID}} {{.Image}}')
    await killKernel()
    await at.system.installer('stop')
    await at.system.installer('start')
    await at.system.console('server:gc')
    expect(await containers('{{.ID}} {{.Image}}')).toEqual(before)
    await quickly('docker', 'image', 'inspect', before[0]?.split(' ')[1] ?? '')
    expect(await state()).toBe('running')
  })

  test('one that stayed down after a boot, without its address, runs again', async () => {
    await at.system.installer('stop')
    await quickly('docker', 'stop', ...(await containers('{{.ID}}')))
    await quickly('ip', 'route', 'del', 'local', await block(), 'dev', 'lo')
    await at.system.installer('start')
    await expect.poll(state, { timeout: 60_000 }).toBe('running')
  })

  test('removed, nothing of it is left', async () => {
    await at.person.must('ssh', 'megapolos', 'devices:remove', 'shelf', '--confirm', 'shelf')
    expect(await containers('{{.Names}}')).toEqual([])
    expect((await quickly('find', `${at.system.home}/devices`, '-name', 'shelf*')).trim()).toBe('')
  })

  const block = async () => {
    const routes = await quickly('ip', 'route', 'show', 'table', 'local', 'dev', 'lo')
    const pool = /MEGAPOLOS_POOL=(\d+\.\d+)/.exec(await quickly('cat', `${at.system.home}/settings.env`))?.[1]
    return new RegExp(`^local (${pool}\\.\\S+/22)`, 'm').exec(routes)?.[1] ?? ''
  }
})
