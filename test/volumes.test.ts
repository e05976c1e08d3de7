/** Volumes of an app that runs, as it sees them itself. */
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { startLoad } from './load.ts'
import { powerCut } from './power-cut.ts'
import { quickly } from './quickly.ts'
import { become, example, push } from './repository.ts'

describe('volumes of a running app', { timeout: 240_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'uses-volumes', 'blog')
    await push(person)
    for (const name of ['uploads', 'assets']) await person.must('ssh', 'megapolos', 'volumes:create', name)
  })

  const blog = async (path: string) => (await at.person.run(['curl', `http://blog.localhost${path}`])).output.trim()
  const write = async (path: string, text: string) =>
    (await at.person.must('curl', '--data', text, `http://blog.localhost${path}`)).trim()
  const containers = async () =>
    (await at.person.must('docker', 'ps', '--quiet', '--no-trunc')).split('\n').filter(Boolean)
  const processes = async () => {
    const ids = await containers()
    return (
      await quickly('docker', 'inspect', '--format', '{{.Id}} {{.State.Pid}} {{.State.StartedAt}}', ...ids)
    ).trim()
  }

  test('a volume is there at once for the same process, truly read-only where asked, and gone at once', async () => {
    const before = await processes()
    expect(await blog('/uploads/photo')).toBe('ENOENT')
    await kernel('volumes:attach', 'blog', 'uploads')
    expect(await write('/uploads/photo', 'a photo')).toBe('')
    expect(await blog('/uploads/photo')).toBe('a photo')
    await kernel('volumes:attach', 'blog', 'assets', '--read-only')
    expect(await write('/assets/new', 'x')).toBe('EROFS')
    expect(await write('/new', 'x')).toBe('EROFS')
    await kernel('volumes:detach', 'blog', 'assets')
    expect(await blog('/assets/new')).toBe('ENOENT')
    expect(await processes()).toBe(before)
  })

  test('it is there after a restart of the container, of the kernel, of the whole installation', async () => {
    await quickly('docker', 'restart', '--time', '2', ...(await containers()))
    await expect.poll(() => blog('/uploads/photo'), { timeout: 20_000 }).toBe('a photo')
    const running = await processes()
    const before = await at.system.pid('kernel')
    process.kill(before, 'SIGKILL')
    expect(await blog('/uploads/photo')).toBe('a photo')
    await expect.poll(() => at.system.pid('kernel').catch(() => before), { timeout: 20_000 }).not.toBe(before)
    expect(await blog('/uploads/photo')).toBe('a photo')
    await at.system.installer('stop')
    await at.system.installer('start')
    expect(await blog('/uploads/photo')).toBe('a photo')
    expect(await processes()).toBe(running)
  })

  test('after a reboot a container that starts before the kernel has it', async () => {
    const ids = await containers()
    await powerCut(at.system)
    await quickly('docker', 'start', ...ids)
    expect((await quickly('docker', 'exec', ids[0] ?? '', 'cat', '/megapolos/uploads/photo')).trim()).toBe('a photo')
    await at.system.installer('start')
    await expect.poll(() => blog('/uploads/photo'), { timeout: 30_000 }).toBe('a photo')
    expect(await containers()).toEqual(ids)
  })

  test('attached in the middle of a rollout it reaches the old group and the new one', async () => {
    const [old = ''] = await containers()
    const rollout = at.person.start(['ssh', 'megapolos', 'config:set', 'blog', 'DELAY=4000'])
    await expect.poll(async () => (await containers()).length, { timeout: 20_000, interval: 50 }).toBe(2)
    await kernel('volumes:attach', 'blog', 'assets')
    const both = await containers()
    expect(both).toContain(old)
    for (const id of both) await quickly('docker', 'exec', id, 'ls', '/megapolos/assets', '/megapolos/uploads')
    expect((await rollout.ended).exit).toBe(0)
    expect(await write('/assets/new', 'written')).toBe('')
    await kernel('volumes:detach', 'blog', 'assets')
    await at.person.must('ssh', 'megapolos', 'config:unset', 'blog', 'DELAY')
  })

  test('while a process has a file of it open it is not detached; lazily it is', async () => {
    const [id = ''] = await containers()
    const reader = at.person.start(['docker', 'exec', id, 'tail', '-f', '/megapolos/uploads/photo'])
    await expect.poll(() => reader.said(), { timeout: 10_000 }).toContain('a photo')
    await expect(kernel('volumes:detach', 'blog', 'uploads')).rejects.toThrow('uploads is in use in blog.')
    expect(await blog('/uploads/photo')).toBe('a photo')
    await kernel('volumes:detach', 'blog', 'uploads', '--lazy')
    expect(await blog('/uploads/photo')).toBe('ENOENT')
    for (const pid of await pidsOf(id, 'tail')) process.kill(pid)
    await reader.ended
  })

  test('a refused push gives an exclusive volume back to the group that it was taken from', async () => {
    await kernel('volumes:attach', 'blog', 'assets', '--exclusive')
    expect(await write('/assets/owned', 'mine')).toBe('')
    const before = await containers()
    await become(at.person, 'exits-at-start')
    expect((await at.person.run(['git', 'push', 'megapolos', 'main'])).exit).not.toBe(0)
    await at.person.must('git', 'reset', '--quiet', '--hard', 'HEAD~1')
    expect(await blog('/assets/owned')).toBe('mine')
    expect(await write('/assets/owned', ' still')).toBe('')
    await expect.poll(containers, { timeout: 20_000 }).toEqual(before)
    await kernel('volumes:detach', 'blog', 'assets')
  })

  test('a kernel killed in the middle of an attach that needs a rollout: it is not attached, and the same words do it', async () => {
    const words = ['volumes:attach', 'blog', 'assets', '--path', '/data']
    await at.person.must('ssh', 'megapolos', 'config:set', 'blog', 'DELAY=4000')
    const attaching = at.person.start(['ssh', 'megapolos', ...words])
    await expect.poll(async () => (await containers()).length, { timeout: 20_000, interval: 50 }).toBe(2)
    const before = await at.system.pid('kernel')
    process.kill(before, 'SIGKILL')
    await attaching.ended
    await expect.poll(() => at.system.pid('kernel').catch(() => before), { timeout: 20_000 }).not.toBe(before)
    const listed = async () => (await at.person.run(['ssh', 'megapolos', 'volumes:list'])).output
    await expect.poll(listed, { timeout: 20_000 }).toMatch(/^assets .* -$/m)
    await expect.poll(async () => (await containers()).length, { timeout: 60_000 }).toBe(1)
    await at.person.must('ssh', 'megapolos', ...words)
    expect(await listed()).toMatch(/^assets .* blog:\/data$/m)
    await at.person.must('ssh', 'megapolos', 'volumes:detach', 'blog', 'assets')
    await at.person.must('ssh', 'megapolos', 'config:unset', 'blog', 'DELAY')
  })

  test('attached and detached 1,000 times under load: the same process, no request lost, nothing left over', async () => {
    // The one that the last rollout replaced goes a moment after it.
    await expect.poll(async () => (await containers()).length, { timeout: 20_000 }).toBe(1)
    const before = await processes()
    const load = startLoad({ port: at.system.httpPort, host: 'blog.localhost', connections: 10 })
    for (let turn = 0; turn < 1000; turn++) {
      await kernel('volumes:attach', 'blog', 'uploads')
      if (turn % 100 === 0) expect(await blog('/uploads/photo')).toBe('a photo')
      await kernel('volumes:detach', 'blog', 'uploads')
    }
    const { failures, requests } = await load.stop()
    expect(failures).toEqual([])
    expect(requests).toBeGreaterThan(1000)
    expect(await processes()).toBe(before)
    const mounts = await quickly('grep', '-c', `${at.system.home}/mounts`, '/proc/self/mountinfo')
    expect(Number(mounts)).toBe(1)
  })

  /** Straight to the kernel, as root: a process for each of thousands of commands would measure processes. */
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  function kernel(...words: readonly string[]): Promise<string> {
    const socketPath = join(at.system.home, 'run/kernel.sock')
    const headers = { 'megapolos-key': '--console', 'megapolos-form': 'line' }
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath, path: '/command', method: 'POST', headers, agent }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () =>
          response.trailers['megapolos-exit'] === '0'
            ? resolve(text)
            : reject(new Error(`${words.join(' ')}: ${response.trailers['megapolos-error']}`)),
        )
      })
      asked.on('error', reject).end(words.join(' '))
    })
  }

  async function pidsOf(id: string, program: string): Promise<number[]> {
    const [, ...lines] = (await quickly('docker', 'top', id, '-eo', 'pid,comm')).trim().split('\n')
    return lines.filter((line) => line.includes(program)).map((line) => Number.parseInt(line, 10))
  }
})
