import { existsSync, readdirSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { quickly } from './quickly.ts'
import { example, push } from './repository.ts'

describe('the kernel’s socket in containers', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    const top = person.folder
    for (const name of ['blog', 'shop']) {
      person.folder = top
      await example(person, 'asks-kernel', name)
      await push(person)
    }
  })

  /** What the app is answered by the kernel. */
  const ask = async (app: string, path: string, ...more: string[]) =>
    (await at.person.run(['curl', ...more, `http://${app}.localhost${path}`])).output
  const name = async (app: string) => JSON.parse(await ask(app, '/whoami').catch(() => '{}')).name
  const webOf = async (app: string) => {
    const { id } = JSON.parse(await at.system.console('apps:info', app, '--format', 'json'))
    const filters = [`label=megapolos.app=${id}`, 'label=megapolos.process=web']
    return quickly('docker', 'ps', '--quiet', ...filters.flatMap((one) => ['--filter', one])).then((ids) => ids.trim())
  }
  const pidOf = async (app: string) => quickly('docker', 'inspect', '--format', '{{.State.Pid}}', await webOf(app))

  test('user 1000 finds it, and cannot change what is beside it', async () => {
    const inside = (command: string) => quickly('docker', 'exec', web, 'sh', '-c', command)
    const web = await webOf('blog')
    expect(await inside('id -u && ls -l /megapolos')).toMatch(/^1000\n[\s\S]*srw-rw-rw- 1 root root .* kernel\.sock\n$/)
    await expect(inside('rm /megapolos/kernel.sock')).rejects.toThrow('Read-only file system')
    await expect(inside('touch /megapolos/mine')).rejects.toThrow('Read-only file system')
    expect((await stat(join(at.system.home, 'mounts'))).mode & 0o777).toBe(0o700)
  })

  test('a running container goes on asking after the kernel was killed and came back', async () => {
    const before = [await pidOf('blog'), await pidOf('shop')]
    process.kill(await at.system.pid('kernel'), 'SIGKILL')
    for (const app of ['blog', 'shop']) await expect.poll(() => name(app), { timeout: 30_000 }).toBe(app)
    await at.system.installer('stop')
    await at.system.installer('start')
    for (const app of ['blog', 'shop']) await expect.poll(() => name(app), { timeout: 30_000 }).toBe(app)
    expect([await pidOf('blog'), await pidOf('shop')]).toEqual(before)
  })

  test('an app that may changes itself, and every answer comes', async () => {
    await at.system.console('socket:grant', 'blog', 'write')
    for (const web of [2, 1]) {
      const said = await ask('blog', '/ps:scale', '--data', JSON.stringify({ scales: { web } }))
      expect(JSON.parse(said)).toMatchObject({ app: 'blog' })
    }
    await at.system.console('socket:revoke', 'blog')
    expect(await ask('blog', '/ps:restart', '--data', '{}')).toContain('"forbidden"')
    // The second container leaves when its requests have their answers.
    await expect.poll(() => webOf('blog'), { timeout: 30_000 }).toMatch(/^\w+$/)
  })

  test('an app that floods waits for itself: people and other apps have their answers', async () => {
    const web = await webOf('blog')
    const flood = startLoad({ port: at.system.httpPort, host: 'blog.localhost', path: '/whoami', rest: 0 })
    const half = await quickly('docker', 'exec', '--detach', web, 'node', '-e', halfOpen)
    expect(half).toBe('')
    // It is a flood when there are requests that it has no room for.
    await expect.poll(() => flood.report().failures.length, { timeout: 20_000 }).toBeGreaterThan(0)
    for (let n = 0; n < 5; n++) {
      expect(await name('shop')).toBe('shop')
      expect(await at.system.console('apps:list')).toContain('shop')
    }
    const { failures } = await flood.stop()
    // Told to come back, or, beyond the connections that a socket takes, not even heard.
    expect(failures.filter((one) => !/status (503|599)/.test(one))).toEqual([])
    await expect.poll(() => name('blog'), { timeout: 30_000, interval: 500 }).toBe('blog')
  })

  test('nothing of it is left after its app', async () => {
    const mounts = join(at.system.home, 'mounts')
    const { id } = JSON.parse(await at.system.console('apps:info', 'blog', '--format', 'json'))
    const own = () => readdirSync(mounts).filter((folder) => folder.startsWith(id))
    expect(await at.system.console('run', 'blog', 'true').catch(String)).toBeDefined()
    await expect.poll(own, { timeout: 20_000 }).toEqual([expect.stringMatching(/\.web$/)])
    await at.system.console('apps:destroy', 'blog', '--confirm', 'blog')
    await expect.poll(own, { timeout: 20_000 }).toEqual([])
    expect(existsSync(mounts)).toBe(true)
  })
})

const halfOpen = `
  for (let n = 0; n < 500; n++) {
    const socket = require('node:net').connect('/megapolos/kernel.sock').on('error', () => {})
    socket.write('POST /ps:stop HTTP/1.1\\r\\nHost: kernel\\r\\nContent-Length: 100\\r\\n\\r\\n{')
  }`
