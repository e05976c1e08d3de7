import { existsSync } from 'node:fs'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, expect, test } from 'vitest'
import { inSystem } from './in-system.ts'
import { leftOvers } from './left-overs.ts'
import { quickly } from './quickly.ts'

const names = [
  ...['../x', '/etc/passwd', '-rf', '--upload-pack=x', 'a'.repeat(300), 'größe', 'megapolos', 'Blog', '1a', 'a b'],
  ...['a;id', '$(id)', "a'b", 'a"b', 'a\nb', '<script>', '*', 'blog.git/../../x'],
]

describe('a hostile name', { timeout: 60_000 }, () => {
  let cookie: string
  const at = inSystem(async ({ person, system }) => {
    const link = new URL((await person.must('ssh', 'megapolos', 'login')).match(/http:\S+/)?.[0] ?? '')
    const origin = `http://localhost:${link.port}`
    const body = new URLSearchParams({ token: link.searchParams.get('token') ?? '' })
    const answer = await fetch(`${origin}/login`, { method: 'POST', body, headers: { origin }, redirect: 'manual' })
    cookie = (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
    panel = Number(link.port)
    await system.console('apps:create', 'blog')
    token = JSON.parse(await system.console('tokens:create', 'hostile', '--format', 'json')).token
    before = await system.console('apps:list', '--format', 'json')
  })
  let panel: number
  let token: string
  let before: string

  /** Each tries to make or to open something of that name, and returns what was said; whoever lets it in throws. */
  const doors: Readonly<Record<string, (name: string) => Promise<string>>> = {
    ssh: (name) => failing('ssh', 'megapolos', 'apps:create', '--', quoted(name)),
    'ssh of git, to push': (name) => failing('ssh', 'megapolos', `git-receive-pack ${quoted(name)}`),
    'ssh of git, to fetch': (name) => failing('ssh', 'megapolos', `git-upload-pack ${quoted(name)}`),
    'a terminal': (name) => failing('ssh', 'megapolos', `run ${quoted(name)} id`),
    'the name of a container': (name) => failing('ssh', 'megapolos', `enter blog ${quoted(name)}`),
    console: (name) =>
      at.system.console('apps:create', '--', name).then(
        () => Promise.reject(new Error('let in')),
        (error: Error) => error.message,
      ),
    'git over HTTP, to push': (name) => overHttp(name, 'git-receive-pack'),
    'git over HTTP, to fetch': (name) => overHttp(name, 'git-upload-pack'),
    panel: async (name) => {
      const { status, page } = await open(panel, `/apps/${encodeURIComponent(name)}`, {
        ...{ host: `localhost:${panel}`, cookie },
      })
      expect(status).toBe(404)
      return page.replace('role="alert"><p>', ' !     ')
    },
  }

  test.each(Object.keys(doors))('is refused at the door %s in one sentence, and nothing is made', async (door) => {
    const answers = await Promise.all(names.map(async (name) => ({ name, said: await doors[door]?.(name) })))
    for (const { name, said } of answers) {
      expect({ name, said }).toEqual({ name, said: expect.stringContaining(' !     ') })
      expect({ name, said }).not.toEqual({ name, said: expect.stringMatching(/internal error|\.ts:\d|node:/i) })
    }
    const now = JSON.parse(await at.system.console('apps:list', '--format', 'json'))
    expect(now).toEqual(JSON.parse(before))
    expect(JSON.parse(await at.system.console('jobs:list', '--active', '--format', 'json'))).toEqual([])
    expect(await leftOvers(at.system)).toEqual([])
  })

  test('a key opens no way around the doors', async () => {
    const { person, system } = at
    for (const port of [22, system.sshPort, system.httpPort]) {
      const { exit, output } = await person.run(['ssh', '-W', `127.0.0.1:${port}`, 'megapolos'])
      expect({ exit, output }).toEqual({ exit: 255, output: expect.stringContaining('forwarding failed') })
    }
    const near = `${person.folder}/kernel.sock`
    const forwarding = person.run(['ssh', '-N', '-L', `${near}:${system.home}/run/kernel.sock`, 'megapolos'], {
      within: 3,
    })
    await expect.poll(() => existsSync(near), { timeout: 5000 }).toBe(true)
    await expect(
      quickly('curl', '--silent', '--max-time', '3', '--unix-socket', near, 'http://kernel/health'),
    ).rejects.toThrow()
    await forwarding
    const remote = await person.run(
      ['ssh', '-o', 'ExitOnForwardFailure=yes', '-N', '-R', '18998:localhost:22', 'megapolos'],
      { within: 10 },
    )
    expect(remote.output).toMatch(/remote port forwarding failed/)
    for (const command of ['/bin/sh', 'sftp-server', 'scp -t /tmp', 'git-upload-archive blog', 'bash -c id']) {
      expect(await person.run(['ssh', 'megapolos', command])).toMatchObject({
        exit: 64,
        output: expect.stringContaining('There is no command'),
      })
    }
  })

  async function failing(...words: string[]): Promise<string> {
    const { exit, output } = await at.person.run(words)
    if (exit === 0) throw new Error(`${words.join(' ')} was let in: ${output}`)
    return output
  }

  async function overHttp(name: string, service: string): Promise<string> {
    const authorization = `Basic ${Buffer.from(`hostile:${token}`).toString('base64')}`
    const path = `/${encodeURIComponent(name)}.git/info/refs?service=${service}`
    const { status, page } = await open(at.system.httpPort, path, { host: 'git.localhost', authorization })
    if (status === 200) throw new Error(`${name} was let in: ${page}`)
    // What would lead out of every folder is refused by the proxy, in its own words.
    return page.replace('<h1>400 Bad Request', ' !     400 Bad Request')
  }
})

/** As a browser does, but with the path as it is. */
function open(
  port: number,
  path: string,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; page: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number | undefined; page: string }>()
  request({ host: '127.0.0.1', port, path, headers }, async (response) =>
    resolve({ status: response.statusCode, page: await text(response) }),
  )
    .on('error', reject)
    .end()
  return promise
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
