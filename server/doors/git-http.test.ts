import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { aToken, type GitWorld, makeWork, startGitWorld } from '../../test/git-world.ts'
import { hashOfToken, newToken } from '../commands/token.ts'

// The real program, as a process: each of these once ended node-git-server, or got past it.
let world: GitWorld

beforeAll(async () => {
  world = await startGitWorld()
})

afterEach(async () => {
  expect(world.door.exitCode, 'the door is still there').toBeNull()
  await expect.poll(() => world.leftOver()).toEqual([])
  await expect.poll(() => readdir(join(world.folder, 'run/pushes')), { message: 'no note is left' }).toEqual([])
})

afterAll(() => world?.stop())

const zeros = '0'.repeat(40)
const commit = '1'.repeat(40)
const packet = (text: string) => (Buffer.byteLength(text) + 4).toString(16).padStart(4, '0') + text
const update = (ref: string, capabilities = 'report-status side-band-64k') =>
  packet(`${zeros} ${commit} ${ref}\0${capabilities}`)
const basic = (password: string) => ({ authorization: `Basic ${Buffer.from(`any:${password}`).toString('base64')}` })

interface Ask {
  readonly method?: string
  readonly body?: string | Buffer
  readonly headers?: Record<string, string>
  /** Null sends none. */
  readonly token?: string | null
}

async function ask(path: string, { method, body, headers, token = world.token }: Ask = {}) {
  const answer = await fetch(`http://127.0.0.1:${world.port}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { ...(token !== null && basic(token)), ...headers },
    ...(body !== undefined && { body: body as string }),
  })
  return { status: answer.status, headers: answer.headers, text: await answer.text() }
}

function remember(name: string, more: Parameters<typeof aToken>[1] = {}): string {
  const token = newToken()
  world.tokens.set(hashOfToken(token) ?? '', aToken(name, more))
  return token
}

describe('without a good token', () => {
  test.each([
    ['GET', '/blog.git/info/refs?service=git-receive-pack'],
    ['GET', '/blog.git/info/refs?service=git-upload-pack'],
    ['POST', '/blog.git/git-receive-pack'],
    ['POST', '/blog.git/git-upload-pack'],
    ['POST', '/nothing.git/git-receive-pack'],
  ])('%s %s is asked for one, and no git is started', async (method, path) => {
    const body = method === 'POST' ? { body: `${update('refs/heads/evil')}0000` } : {}
    const answer = await ask(path, { method, token: null, ...body })
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Basic realm="MegapolOS"')
    expect(answer.headers.get('content-type')).toContain('text/plain')
    expect(answer.text).toMatch(/^ ! {5}\S.+\.?\n$/)
    const gzip = { headers: { 'content-encoding': 'gzip' }, body: 'no gzip at all' }
    if (method === 'POST') expect((await ask(path, { token: null, ...gzip })).status).toBe(401)
  })

  test('a push of 1 MB makes no ref', async () => {
    const body = Buffer.concat([Buffer.from(`${update('refs/heads/evil')}0000`), randomBytes(1_000_000)])
    await ask('/blog.git/git-receive-pack', { token: null, body }).catch(() => {})
    const { out } = await world.run(['git', 'ls-remote', world.url()])
    expect(out).not.toContain('evil')
  })

  test.each([
    ['wrong', () => newToken(), /opens nothing/],
    ['misshapen', () => 'password', /is no token/],
    [
      'expired',
      () => remember('old', { expiresAt: '2026-01-01T00:00:00.000Z' }),
      /The token old expired on 2026-01-01\./,
    ],
  ])('git says why a token that is %s is none', async (_, token, sentence) => {
    const { code, out } = await world.run(['git', 'ls-remote', world.url(token())])
    expect(code).toBe(128)
    expect(out).toMatch(sentence)
    expect(out).toContain('Authentication failed')
  })

  test('a token that is revoked opens nothing from the next request on', async () => {
    const token = remember('leaver')
    const path = '/blog.git/info/refs?service=git-upload-pack'
    expect((await ask(path, { token })).status).toBe(200)
    world.tokens.delete(hashOfToken(token) ?? '')
    expect((await ask(path, { token })).status).toBe(401)
  })

  test('guessing ends after twenty tries from one address, and others are not held up', async () => {
    const from = { 'x-forwarded-for': '203.0.113.9' }
    const path = '/blog.git/info/refs?service=git-upload-pack'
    const tries: number[] = []
    for (let count = 0; count < 22; count++) tries.push((await ask(path, { token: newToken(), headers: from })).status)
    expect(tries).toEqual([...Array(20).fill(401), 429, 429])
    expect((await ask(path, { headers: from })).status).toBe(429)
    expect((await ask(path)).status).toBe(200)
  })
})

describe('with a token', () => {
  test('a viewer may fetch; the push is refused with the sentence that git shows', async () => {
    const token = remember('reader', { role: 'viewer' })
    expect((await world.run(['git', 'ls-remote', world.url(token)])).code).toBe(0)
    const work = await makeWork(world, 'viewer', Buffer.from('x'))
    const { code, out } = await world.run(['git', 'push', world.url(token), 'main'], work)
    expect(code).toBe(128)
    expect(out).toMatch(/remote: +! {5}reader is a viewer and may not push\./)
    expect(out).toContain('error: 403')
  })

  test.each([
    '/blog.git/HEAD',
    '/blog.git/config',
    '/blog.git/info/refs',
    '/blog.git/objects/info/packs',
    '/..%2fblog1234.git/git-upload-pack',
    '/%2e%2e/blog1234.git/info/refs?service=git-upload-pack',
    '/.git/info/refs?service=git-upload-pack',
    '//etc/info/refs?service=git-upload-pack',
    '/a/b.git/info/refs?service=git-upload-pack',
    '/blog.git/info/refs?service=git-shell',
    '/blog.git/info/refs?service=git-upload-pack&service=git-receive-pack',
    '/',
  ])('%s is not there', async (path) => {
    expect((await ask(path)).status).toBe(404)
  })

  test.each([
    ['DELETE', '/blog.git/git-receive-pack'],
    ['PUT', '/blog.git/info/refs?service=git-receive-pack'],
    ['GET', '/blog.git/git-upload-pack'],
    ['POST', '/blog.git/info/refs?service=git-upload-pack'],
  ])('%s %s is not there', async (method, path) => {
    expect((await ask(path, { method })).status).toBe(404)
  })

  test.each(['nothing', '--upload-pack=x', '-c', 'blog1234.git'])(
    'there is no repository %s, also for a large body',
    async (name) => {
      expect((await ask(`/${name}/info/refs?service=git-upload-pack`)).status).toBe(404)
      const body = Buffer.concat([Buffer.from(`${update('refs/heads/main')}0000`), randomBytes(3_000_000)])
      const status = await ask(`/${name}/git-receive-pack`, { body }).then(
        (answer) => answer.status,
        () => 'refused before all of it came',
      )
      expect([404, 'refused before all of it came']).toContain(status)
    },
  )

  test.each([
    ['no gzip at all', 'gzip', 400],
    [gzipSync('0009done\n').subarray(0, 12), 'gzip', 400],
    [gzipSync(randomBytes(100_000)), 'gzip', 400],
    [gzipSync(Buffer.alloc(50_000_000)), 'gzip', 400],
    ['0000', 'br', 415],
  ])('a body that is not what it says is refused (%#)', async (body, encoding, status) => {
    for (const service of ['git-receive-pack', 'git-upload-pack']) {
      const answer = await ask(`/blog.git/${service}`, { body, headers: { 'content-encoding': encoding } })
      expect([service, answer.status]).toEqual([service, status])
    }
  })

  test.each([
    ['nothing', '', 400],
    ['garbage', 'garbage', 400],
    ['half a line', '00ff0123', 400],
    ['a length below four', '0003', 400],
    ['an update without capabilities', `${packet(`${zeros} ${commit} refs/heads/main\n`)}0000`, 400],
    ['a branch with a line separator in its name', `${update('refs/heads/a\u2028b')}0000`, 400],
    ['no update', `${packet('want x\n')}0000`, 400],
    ['refs without end', update('refs/heads/main').repeat(3_000), 413],
  ])('a push of %s is refused', async (_, body, status) => {
    expect((await ask('/blog.git/git-receive-pack', { body })).status).toBe(status)
  })

  test('a fetch of nothing that is there, or of garbage, is told so', async () => {
    expect((await ask('/blog.git/git-upload-pack', { body: 'garbage' })).status).toBe(400)
    expect((await ask('/blog.git/git-upload-pack', { body: `${packet('deepen 1')}0000` })).status).toBe(400)
    const missing = `${packet(`want ${commit}\n`)}0000${packet('done\n')}`
    expect((await ask('/blog.git/git-upload-pack', { body: missing })).text).toContain('not our ref')
  })

  test('a fetch that unpacks to more than a fetch has is broken off', async () => {
    const haves = packet(`have ${commit}\n`).repeat(400_000)
    const body = gzipSync(`${packet(`want ${commit}\n`)}0000${haves}`)
    expect(body.length).toBeLessThan(200_000)
    const answer = await ask('/blog.git/git-upload-pack', { body, headers: { 'content-encoding': 'gzip' } }).catch(
      () => null,
    )
    expect(answer?.text ?? 'broken off').toMatch(/broken off|not our ref/)
  })

  test('the question whether a large push is let in is answered without git', async () => {
    for (const service of ['git-receive-pack', 'git-upload-pack'])
      expect(await ask(`/blog.git/${service}`, { body: '0000' })).toMatchObject({ status: 200, text: '' })
  })

  test('a pack that is none is refused by git, and makes no ref', async () => {
    const body = Buffer.concat([Buffer.from(`${update('refs/heads/garbage')}0000`), randomBytes(100_000)])
    const answer = await ask('/blog.git/git-receive-pack', { body })
    expect(answer.text).toContain('unpack')
    expect((await world.run(['git', 'ls-remote', world.url()])).out).not.toContain('garbage')
  })

  test('a ref that is neither branch nor tag is refused with a sentence, whatever comes with it', async () => {
    const work = await makeWork(world, 'strange', randomBytes(2_000_000))
    for (const refs of [['main:refs/for/main'], ['main:refs/notes/x', 'main']]) {
      const { code, out } = await world.run(['git', 'push', world.url(), ...refs], work)
      expect(code).toBe(1)
      expect(out).toMatch(/remote: {2}! {5}refs\/(for\/main|notes\/x) is not a branch; only branches are deployed\./)
      expect(out).toMatch(/! \[remote rejected\] main -> refs\/(for\/main|notes\/x) \(pre-receive hook declined\)/)
    }
    expect((await world.run(['git', 'ls-remote', world.url()])).out).toBe('')
  })
})

describe('a client that hangs up', () => {
  test('at any byte leaves nothing behind', async () => {
    const pack = await packOf(await makeWork(world, 'aborted', randomBytes(300_000)))
    const head = Buffer.from(`${packet(`${zeros} ${pack.commit} refs/heads/aborted\0report-status side-band-64k`)}0000`)
    const body = Buffer.concat([head, pack.bytes])
    const offsets = [0, 1, 3, 4, 5, 60, head.length - 1, head.length, head.length + 1, head.length + 12]
    for (let index = 1; index <= 10; index++) offsets.push(Math.floor((body.length * index) / 11))
    expect(new Set(offsets).size).toBe(20)
    await Promise.all(offsets.map((offset) => sendAndHangUp(body, offset)))
    await expect.poll(() => world.leftOver()).toEqual([])
    expect((await world.run(['git', 'ls-remote', world.url()])).out).not.toContain('aborted')
    const objects = await readdir(join(world.folder, 'repositories/blog1234.git/objects'))
    expect(objects.filter((name) => name.startsWith('tmp_'))).toEqual([])
  })

  async function packOf(work: string) {
    const { out } = await world.run(['git', 'rev-parse', 'HEAD'], work)
    await world.run(['git', 'gc', '--quiet'], work)
    const [name = ''] = (await readdir(join(work, '.git/objects/pack'))).filter((file) => file.endsWith('.pack'))
    return { commit: out.trim(), bytes: await readFile(join(work, '.git/objects/pack', name)) }
  }

  function sendAndHangUp(body: Buffer, offset: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const { authorization } = basic(world.token)
      const socket = connect(world.port, '127.0.0.1')
      socket.once('error', reject)
      const headers = `Host: x\r\nAuthorization: ${authorization}\r\nContent-Length: ${body.length}\r\n`
      socket.write(`POST /blog.git/git-receive-pack HTTP/1.1\r\n${headers}\r\n`)
      // Long enough for git to be there.
      socket.write(body.subarray(0, offset), () => setTimeout(() => resolve(void socket.destroy()), 300))
    })
  }
})
