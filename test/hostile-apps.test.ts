import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { leftOvers } from './left-overs.ts'
import { quickly } from './quickly.ts'
import { commit, edit, example, push } from './repository.ts'

describe('an app that means harm', { timeout: 120_000 }, () => {
  const at = inSystem(async ({ person }) => {
    const folder = person.folder
    await example(person, 'node-procfile', 'blog')
    await push(person)
    person.folder = folder
    await example(person, 'hostile', 'hostile')
    await push(person)
  })

  const ask = async (path: string) => (await at.person.run(['curl', `http://hostile.localhost${path}`])).output
  const container = async (app: string) => {
    const names = ['--filter', `label=megapolos.system=${at.system.label}`, '--filter', `name=${app}-web-1`]
    return (await quickly('docker', 'ps', '--quiet', '--no-trunc', ...names)).trim()
  }
  /** KiB that the kernel holds. */
  async function kernelMemory(): Promise<number> {
    const status = await readFile(`/proc/${await at.system.pid('kernel')}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1])
  }

  test('has a limited number of processes, and its neighbour does not notice', async () => {
    const [begun, code] = (await ask('/fork')).split(' ')
    expect(code).toBe('EAGAIN\n')
    expect(Number(begun)).toBeLessThan(512)
    expect(await at.get('blog.localhost')).toBe('Hello from version one\n')
  })

  test('fills no disk with its log, which is still read, and no memory of the kernel', async () => {
    const before = await kernelMemory()
    expect(await ask('/flood')).toBe('written\n')
    const id = await container('hostile')
    const path = (await quickly('docker', 'inspect', '--format', '{{.LogPath}}', id)).trim()
    const folder = join(path, '..')
    const logs = (await readdir(folder)).filter((name) => name.includes('-json.log'))
    const sizes = await Promise.all(logs.map(async (name) => (await stat(join(folder, name))).size))
    expect(sizes.reduce((sum, size) => sum + size)).toBeLessThan(32 * 1024 ** 2)
    const said = await at.person.must('ssh', 'megapolos', 'logs', 'hostile', '--num', '10000')
    expect(said.length).toBeGreaterThan(1024 ** 2)
    expect((await kernelMemory()) - before).toBeLessThan(100 * 1024)
  })

  test('cannot move or rename the terminal of whoever reads its log; colours it may have', async () => {
    const said = await at.person.must('ssh', 'megapolos', 'logs', 'hostile', '--num', '1')
    expect(said.split('Z ')[1]).toBe('web.1     \x1b[31mred\x1b[0m the last line\x1b[0m')
  })

  test('harms only its own answers with headers that are too large or contradict each other', async () => {
    const answered = {
      '/headers': /^HTTP\/1.1 502 /,
      '/split': /^HTTP\/1.1 (502 |200 OK(?!.*Content-Length.*Content-Length))/s,
    }
    for (const [path, answer] of Object.entries(answered)) {
      const head = await at.person.run([
        'curl',
        '--silent',
        '--head',
        '--request',
        'GET',
        `http://hostile.localhost${path}`,
      ])
      expect(head.output).toMatch(answer)
    }
    expect(await ask('/')).toBe('at work\n')
    expect(await at.get('blog.localhost')).toBe('Hello from version one\n')
  })

  test('is replaced without its help while a request to it never ends', async () => {
    const waiting = at.person.run(['curl', '--max-time', '8', 'http://hostile.localhost/never'], { within: 30 })
    await edit(at.person, 'web.js', 'at work', 'at work again')
    await commit(at.person, 'Change')
    await push(at.person)
    expect(await ask('/')).toBe('at work again\n')
    expect((await waiting).exit).not.toBe(0)
  })

  test('has no say in what its containers are to the kernel', async () => {
    const { person } = at
    const folder = person.folder
    person.folder = join(folder, '..')
    await example(person, 'dockerfile', 'labelled')
    const file = join(person.folder, 'Dockerfile')
    const labels = 'LABEL megapolos.one-off=run megapolos.port=22 megapolos.app=00000000 megapolos.system=none\n'
    await writeFile(file, `${await readFile(file, 'utf8')}${labels}`)
    await commit(person, 'Say it belongs elsewhere')
    await push(person)
    await push(person)
    expect(await person.must('ssh', 'megapolos', 'ps:report', 'labelled')).toMatch(/^web +1 of 1/m)
    await person.must('ssh', 'megapolos', 'apps:destroy', 'labelled', '--confirm', 'labelled')
    person.folder = folder
    expect(await leftOvers(at.system)).toEqual([])
  })
})

describe('config vars that no process could be given', { timeout: 60_000 }, () => {
  const at = inSystem(async ({ person }) => {
    await person.must('ssh', 'megapolos', 'apps:create', 'blog')
  })

  async function imported(text: string): Promise<{ exit: number; output: string }> {
    const file = join(at.person.folder, 'vars.env')
    await writeFile(file, text)
    return at.person.run(['ssh', 'megapolos', 'config:import', 'blog'], { from: file })
  }

  test.each([
    ['a megabyte', `A=${'x'.repeat(1_000_000)}`, 'A is 977 KB long with its value; a process can be given 128 KB.'],
    ['a NUL', 'A=one\0two', 'A holds a NUL character, which no process can be given.'],
    [
      'too much together',
      `A=${'x'.repeat(130_000)}\nB=${'x'.repeat(130_000)}\nC=${'x'.repeat(9000)}`,
      'The config vars would be 263 KB together; at most 256 KB are allowed.',
    ],
    ['five megabytes', 'A=x\n'.repeat(1_250_000), 'That is more than 4 MB of input.'],
  ])('%s is refused with the limit, and nothing is set', async (_, text, sentence) => {
    const { exit, output } = await imported(text)
    expect({ exit, output }).toEqual({ exit: 64, output: expect.stringContaining(` !     ${sentence}`) })
    expect(await at.person.must('ssh', 'megapolos', 'config:show', 'blog')).toBe('No config vars are set.')
  })

  test('a line of SSH that is too long for the server is refused in words', async () => {
    const values = ['A', 'B', 'C'].map((name) => `${name}=${'x'.repeat(60_000)}`)
    const { exit, output } = await at.person.run(['ssh', 'megapolos', 'config:set', 'blog', ...values])
    expect({ exit, output }).toEqual({
      exit: expect.not.stringMatching(/^0$/),
      output: expect.stringMatching(/too long/i),
    })
  })

  test('a thousand of them are one release', async () => {
    const text = Array.from({ length: 1000 }, (_, n) => `VAR_${n}="value ${n}"\n`).join('')
    expect(await imported(text)).toMatchObject({ exit: 0 })
    expect(await at.person.must('ssh', 'megapolos', 'config:get', 'blog', 'VAR_999')).toBe('value 999')
  })
})
