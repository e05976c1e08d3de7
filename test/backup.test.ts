import { existsSync, readdirSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import type { Person } from './person.ts'
import { quickly } from './quickly.ts'
import { commit, edit, example, push } from './repository.ts'
import { type SecondSystem, secondSystem } from './second-system.ts'

const planted = 'planted-5ecret-value'
/** A base that only this machine ever had, so that nothing can be built on it again. */
const lostBase = 'localhost:1/lost-base'
const apps = ['blog', 'fragile', 'idle', 'unborn']

describe('a backup of the server', { timeout: 240_000 }, () => {
  const at = inSystem(async ({ system, person }) => {
    const top = person.folder
    await example(person, 'node-procfile', 'blog')
    await push(person)
    await person.must('ssh', 'megapolos', 'config:set', 'blog', `SECRET=${planted}`, 'GREETING=Welcome')
    await edit(person, 'web.js', 'version one', 'version two')
    await commit(person, 'Say two')
    await push(person)
    await person.must('ssh', 'megapolos', 'ps:scale', 'blog', 'web=2', 'worker=1')
    await person.must('ssh', 'megapolos', 'domains:set', 'blog', 'blog.example.com')
    for (const [name, app] of Object.entries({ idle: 'static', fragile: 'dockerfile' })) {
      person.folder = top
      await example(person, app, name)
      if (app === 'dockerfile') {
        await quickly('docker', 'tag', 'busybox', lostBase)
        await edit(person, 'Dockerfile', 'FROM busybox', `FROM ${lostBase}`)
        await commit(person, 'Stand on another base')
      }
      await push(person)
    }
    await person.must('ssh', 'megapolos', 'ps:stop', 'idle')
    await person.must('ssh', 'megapolos', 'apps:create', 'unborn')
    const friend = { from: join(system.tester, '.ssh/friend.pub') }
    await person.run(['ssh', 'megapolos', 'keys:add', 'friend', '--role', 'viewer'], friend)
    person.folder = top
  })

  let second: SecondSystem
  let restored: Person
  let before: string
  let backup: string
  let keyFile: string
  let hostKeys: string

  beforeAll(async () => {
    second = secondSystem(at.system, `10.${90 + Number(process.env.MEGAPOLOS_SLOT ?? 0)}.0.0/16`)
    await second.remove()
    before = await everything(at.person)
    hostKeys = await hostKeysOf(at.system.sshPort)
    keyFile = join(at.person.folder, 'key')
    await writeFile(keyFile, (await readFile(join(at.system.home, 'keys/secret.key'))).toString('base64'))
  }, 120_000)
  afterAll(async () => {
    await restored?.leave()
    await second?.remove()
    await quickly('docker', 'image', 'rm', '--force', lostBase).catch(() => {})
  }, 120_000)

  test('is one private file on the server, or comes to whoever asks, and no secret can be read in it', async () => {
    const said = await at.person.must('ssh', 'megapolos', 'server:backup')
    const file = /^(\/\S+\.age) has the state, the keys and the repositories of 4 apps \(/m.exec(said)?.[1] ?? ''
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(readdirSync(join(at.system.home, 'spool'))).toEqual([])
    backup = join(at.person.folder, 'server.age')
    const { exit, output } = await at.person.run(['ssh', 'megapolos', 'server:backup', '--stdout'], { to: backup })
    expect({ exit, output }).toEqual({ exit: 0, output: '' })
    for (const bytes of [await readFile(file), await readFile(backup)]) {
      for (const text of [planted, 'blog.example.com', 'OPENSSH', 'refs/heads'])
        expect(bytes.includes(text)).toBe(false)
    }
    const friend = await at.person.run(['ssh', 'megapolos-as-friend', 'server:backup', '--stdout'])
    expect(friend).toMatchObject({ exit: 77, output: expect.stringContaining('may not use server:backup') })
  })

  test('that is cut off, or not of this key, is refused in a sentence and leaves the home as it was', async () => {
    const cut = join(at.person.folder, 'cut.age')
    await writeFile(cut, (await readFile(backup)).subarray(0, -100))
    const wrongKey = join(at.person.folder, 'wrong-key')
    await writeFile(wrongKey, Buffer.alloc(32, 1).toString('base64'))
    for (const [file, key, sentence] of [
      [cut, keyFile, 'The backup is damaged, or a part of it is missing.'],
      [backup, wrongKey, 'The backup does not open with this key.'],
    ] as const) {
      const { exit, output } = await second.restore(file, key)
      expect({ exit, output }).toMatchObject({ exit: 1, output: expect.stringContaining(`\n${sentence}\n`) })
      expect(existsSync(second.home)).toBe(false)
    }
  })

  test('gives an empty home the same apps under the same names, and says which could not be built again', async () => {
    await at.system.clean()
    await removeImages(at.system.label)
    const { exit, output } = await second.restore(backup, keyFile)
    expect(output).toMatch(/^ {4}blog v3 runs: http:\/\/blog\.example\.com:\d+\/$/m)
    expect(output).toMatch(/^ {4} !\s+Not back: fragile\. The reasons are above\.$/m)
    expect({ exit, output }).toMatchObject({
      exit: 1,
      output: expect.stringContaining('\nNot everything came back.\n'),
    })
    expect(output).not.toContain('can be read by others')
    restored = await second.person()
    expect(await everything(restored)).toBe(before)
    expect(await hostKeysOf(second.sshPort)).toBe(hostKeys)
    expect(await restored.must('ssh', 'megapolos', 'apps:list')).toMatch(/^fragile +degraded/m)
    await expect.poll(() => get('blog.example.com')).toBe('Welcome version two\n')
    expect(await get('blog.localhost')).toBe('Welcome version two\n')
    expect((await restored.must('docker', 'ps', '--quiet')).split('\n')).toHaveLength(3)
  })

  test('gives back repositories that can be cloned, rolled back in, and pushed to with the same key', async () => {
    await restored.must('git', 'clone', '--quiet', 'megapolos:blog', 'blog')
    restored.folder = join(restored.folder, 'blog')
    expect(await restored.must('git', 'log', '--format=%s')).toBe('Say two\nAdd node-procfile')
    const rolledBack = await restored.must('ssh', 'megapolos', 'releases:rollback', 'blog', 'v1')
    expect(rolledBack).toContain('An image of v1 is gone; building')
    expect(await get('blog.localhost')).toBe('Hello from version one\n')
    await edit(restored, 'web.js', 'version two', 'version three')
    await commit(restored, 'Say three')
    await restored.must('git', 'remote', 'rename', 'origin', 'megapolos')
    await push(restored)
    expect(await get('blog.localhost')).toBe('Hello from version three\n')
  })

  test('gives back a stopped app as one, whose image is built when it is started', async () => {
    expect(await restored.must('ssh', 'megapolos', 'ps:start', 'idle')).toContain('An image of v1 is gone; building')
    await expect.poll(() => get('idle.localhost')).toContain('Hello from a page')
  })

  test('is refused where something is already', async () => {
    const { exit, output } = await second.restore(backup, keyFile)
    expect({ exit, output }).toMatchObject({ exit: 1, output: expect.stringContaining('There is something in') })
    expect(await get('blog.localhost')).toBe('Hello from version three\n')
  })

  const get = async (host: string) => (await restored.run(['curl', `http://${host}/`])).output

  /** What commands say, but for what is observed and for the port. */
  async function everything(who: Person): Promise<string> {
    const said = async (...words: string[]) => `${words.join(' ')}\n${await who.must('ssh', 'megapolos', ...words)}`
    const about = async (app: string) => [
      await said('apps:info', app, '--format', 'json'),
      await said('config:export', app),
      await said('releases', app, '--format', 'json'),
    ]
    const all = [
      ...(await Promise.all(apps.map(about))).flat(),
      await said('apps:list', '--format', 'json'),
      await said('domains:report', '--format', 'json'),
      await said('keys:list', '--format', 'json'),
    ]
    return all
      .join('\n')
      .replaceAll(/:\d+\//g, '/')
      .replaceAll(/"(state|running)": .*/g, '')
  }

  async function hostKeysOf(port: number): Promise<string> {
    const said = await quickly('ssh-keyscan', '-p', `${port}`, '127.0.0.1')
    return said.replaceAll(`:${port}`, '').split('\n').sort().join('\n')
  }

  async function removeImages(label: string): Promise<void> {
    const ids = await quickly('docker', 'image', 'ls', '--quiet', '--filter', `label=megapolos.system=${label}`)
    await quickly('docker', 'image', 'rm', '--force', ...new Set(ids.split('\n').filter(Boolean)), lostBase)
  }
})
