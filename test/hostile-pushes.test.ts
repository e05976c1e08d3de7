import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { blob, commitTree, type Entry, type Pack, packOfZeros, sendPack, tree } from './git-objects.ts'
import { inSystem } from './in-system.ts'
import { leftOvers } from './left-overs.ts'
import { become, commit, example, push } from './repository.ts'

const MiB = 1024 ** 2

describe('a push that means harm', { timeout: 120_000 }, () => {
  let good: string
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
    good = await person.must('git', 'rev-parse', 'HEAD')
  })

  /** Refused with this; the old version serves, and nothing of the push is there. */
  async function refused(output: string, sentence: RegExp): Promise<void> {
    expect(output).toMatch(sentence)
    expect(output).not.toMatch(/internal error|at .*\.ts:\d+/i)
    expect(await at.get('blog.localhost')).toBe('Hello from version one\n')
    expect(await at.person.must('git', 'ls-remote', 'megapolos')).toBe(`${good}\tHEAD\n${good}\trefs/heads/main`)
    await expect.poll(() => leftOvers(at.system), { timeout: 5000 }).toEqual([])
  }

  async function pushed(commitId: string): Promise<string> {
    const { exit, output } = await at.person.run(['git', 'push', 'megapolos', `${commitId}:main`])
    expect({ exit, output }).toMatchObject({ exit: 1 })
    return output
  }

  const file = (name: string, object: string): Entry => ({ mode: '100644', name, object })
  const link = (name: string, object: string): Entry => ({ mode: '120000', name, object })

  test.each<[string, Entry[], RegExp]>([
    [
      'a Procfile that is a link',
      [link('Procfile', '/etc/passwd'), file('package.json', '{}')],
      /Procfile is a symbolic link/,
    ],
    ['a Dockerfile that is a link', [link('Dockerfile', '/etc/shadow')], /Dockerfile is a symbolic link/],
    ['a package.json that is a link', [link('package.json', '../../../etc/passwd')], /package.json is a symbolic link/],
    [
      'an app.json that is a link',
      [link('app.json', '/proc/self/environ'), file('index.html', '')],
      /app.json is a symbolic link/,
    ],
    [
      'a Procfile of ten megabytes',
      [file('Procfile', `web: ${'x'.repeat(10 * MiB)}`)],
      /Procfile is larger than 1 MiB/,
    ],
    [
      'ten thousand process types',
      [file('Procfile', Array.from({ length: 10_000 }, (_, n) => `t${n}: x\n`).join(''))],
      /at most 100 process types/,
    ],
    ['a process type that is no name', [file('Procfile', '../x: y\n')], /names the process type "\.\.\/x"/],
    [
      'a formation of millions',
      [file('app.json', '{"formation":{"web":{"quantity":1e7}}}'), file('index.html', '')],
      /from 0 to 100/,
    ],
    [
      'a formation of no types',
      [file('app.json', '{"formation":{"__proto__":{"quantity":1}}}'), file('index.html', '')],
      /"__proto__" in "formation"/,
    ],
    [
      'a check that is no path',
      [file('app.json', '{"healthchecks":{"web":[{"path":"/ HTTP/1.1\\r\\nX: y"}]}}'), file('index.html', '')],
      /must start with \//,
    ],
    [
      'a wish for Node without end',
      [file('package.json', `{"engines":{"node":"${'<'.repeat(500_000)}"}}`), file('index.js', '')],
      /more than 200 characters/,
    ],
    [
      'a Dockerfile that fetches from the server itself',
      [file('Dockerfile', 'FROM busybox\nADD http://127.0.0.1/ /x\n')],
      /Line 2 of the Dockerfile adds from an address/,
    ],
    [
      'an image of another app',
      [file('Dockerfile', 'FROM megapolos/app-00000000\n')],
      /image \S*megapolos\/app-00000000\S* could not be fetched/,
    ],
    [
      'a folder .git',
      [{ mode: '40000', name: '.git', object: '4b825dc642cb6eb9a060e54bf8d69288fbee4904' }],
      /hasDotgit|contains '\.git'/i,
    ],
    ['a path that leads out', [file('..', 'x'), file('index.html', '')], /hasDotdot|contains '\.\.'/i],
    ['a name with a slash', [file('../../x', 'x'), file('index.html', '')], /fullPathname|contains full pathnames/i],
    [
      'one name twice',
      [link('a', '/etc'), file('a', 'x'), file('index.html', '')],
      /duplicateEntries|duplicate file entries/i,
    ],
    [
      'a name that Linux cannot store',
      [file('n'.repeat(300), ''), file('index.html', '')],
      /path that Linux cannot store/,
    ],
  ])('%s is refused', async (_, entries, sentence) => {
    const sorted = entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))
    await refused(await pushed(await commitTree(at.person, await tree(at.person, sorted))), sentence)
  })

  test('a tree that is far larger than its pack is refused while it is taken in', async () => {
    const zeros = await blob(at.person, Buffer.alloc(64 * MiB))
    const entries = Array.from({ length: 17 }, (_, n) => file(`zeros-${String(n).padStart(2, '0')}`, zeros))
    await refused(
      await pushed(await commitTree(at.person, await tree(at.person, entries))),
      /The pushed tree is larger than 1 GiB/,
    )
  })

  test('a tree of a million files made of six objects is refused', async () => {
    let inner = await blob(at.person, 'x')
    for (let depth = 0; depth < 6; depth++) {
      const mode = depth === 0 ? '100644' : '40000'
      inner = await tree(
        at.person,
        Array.from({ length: 10 }, (_, n) => ({ mode, name: `${n}`, object: inner })),
      )
    }
    await refused(await pushed(await commitTree(at.person, inner)), /more than 300000 files/)
  })

  test('a pack of more than a gigabyte is refused while it is sent, with the limit', async () => {
    const said = await sendPack(ssh(), 'blog', good, 'a'.repeat(40), (to) => packOfZeros(to, 1100 * MiB))
    await refused(said, /pack exceeds maximum allowed size \(1(024)?\.00 [MG]iB\)/)
  })

  test.each<[string, Pack]>([
    ['garbage', async (to) => void to.write('garbage'.repeat(1000))],
    [
      'a pack with garbage in it',
      async (to) => void to.write(Buffer.from('PACK\0\0\0\x02\0\0\0\x05garbage'.repeat(100), 'latin1')),
    ],
    ['a pack that breaks off', (to) => packOfZeros(to, 4 * MiB)],
    ['nothing', async () => {}],
    ['a pack whose sender is gone', (to, hangUp) => packOfZeros(to, 8 * MiB).then(hangUp)],
  ])('instead of a pack, %s is refused', async (_, pack) => {
    await refused(await sendPack(ssh(), 'blog', good, 'a'.repeat(40), pack), /report-status/)
  })

  test.each([
    ['a tag', 'HEAD:refs/tags/v1', /is not a branch/],
    ['a branch of another name', 'HEAD:refs/heads/other', /deploys main, not other/],
    ['no branch at all', ':main', /would leave blog without its source/],
    ['two branches', ['HEAD:main', 'HEAD:refs/heads/other'], /one branch at a time/],
  ])('%s is refused', async (_, refs, sentence) => {
    await at.person.must('git', 'commit', '--quiet', '--allow-empty', '-m', 'Next')
    const { exit, output } = await at.person.run(['git', 'push', 'megapolos', ...[refs].flat()])
    await at.person.must('git', 'reset', '--quiet', '--hard', good)
    expect({ exit, output }).toMatchObject({ exit: 1 })
    await refused(output, sentence)
  })

  test.each([
    ['the release task', { Procfile: 'web: node web.js\nrelease: sleep 60\n' }],
    ['the check', { Procfile: 'web: sleep 60\n' }],
  ])('who hangs up during %s leaves nothing', async (_, files) => {
    for (const [name, content] of Object.entries(files)) await writeFile(join(at.person.folder, name), content)
    await commit(at.person, 'Take long')
    const pushing = at.person.start(['git', 'push', 'megapolos', 'main'])
    await expect.poll(pushing.said, { timeout: 30_000 }).toMatch(/-----> Releasing v\d/)
    const containers = async () => (await at.person.must('docker', 'ps', '--quiet')).split('\n')
    // The one that serves, and the one that takes long.
    await expect.poll(containers, { timeout: 30_000 }).toHaveLength(2)
    process.kill(-pushing.pid, 'SIGINT')
    const { output } = await pushing.ended
    await at.person.must('git', 'reset', '--quiet', '--hard', good)
    const active = () => at.system.console('jobs:list', '--active', '--format', 'json')
    await expect.poll(active, { timeout: 15_000 }).toBe('[]\n')
    await refused(output, /-----> Releasing/)
    expect(JSON.parse(await at.system.console('releases', 'blog', '--format', 'json'))).toHaveLength(1)
  })

  const ssh = () => ['ssh', '-F', join(at.system.tester, '.ssh/config'), 'megapolos']
})

describe('an app that is destroyed', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await example(person, 'node-procfile', 'blog')
    await push(person)
  })
  const destroy = () => at.person.run(['ssh', 'megapolos', 'apps:destroy', 'blog', '--confirm', 'blog'])

  test('while it is pushed to waits for the push, and then nothing of it is left', async () => {
    await become(at.person, 'slow-build')
    const pushing = at.person.run(['git', 'push', 'megapolos', 'main'])
    const build = () => at.person.must('ssh', 'megapolos', 'builds:info', 'blog')
    await expect.poll(build, { timeout: 30_000 }).toMatch(/^state: +running$/m)
    const destroying = destroy()
    const jobs = () => at.person.must('ssh', 'megapolos', 'jobs:list', 'blog', '--active')
    await expect.poll(jobs, { timeout: 10_000 }).toMatch(/destroy/)
    await at.person.must('ssh', 'megapolos', 'builds:cancel', 'blog')
    expect((await pushing).exit).toBe(1)
    expect((await destroying).exit).toBe(0)
    expect(await at.system.console('apps:list', '--format', 'json')).toBe('[]\n')
    expect(await leftOvers(at.system)).toEqual([])
  })

  test('at the moment of a push leaves a whole app or none', async () => {
    await become(at.person, 'node-procfile')
    await push(at.person)
    for (let round = 0; round < 3; round++) {
      await at.person.must('git', 'commit', '--quiet', '--allow-empty', '-m', `Round ${round}`)
      const [pushing] = await Promise.all([at.person.run(['git', 'push', 'megapolos', 'main']), destroy()])
      const there = JSON.parse(await at.system.console('apps:list', '--format', 'json')).length === 1
      if (there) expect(await at.get('blog.localhost'), pushing.output).toBe('Hello from version one\n')
      else expect(pushing.output).toMatch(/ ! {5}|live/)
      expect(await leftOvers(at.system)).toEqual([])
      if (!there) await push(at.person)
    }
  })
})
