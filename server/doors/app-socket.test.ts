import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Caller, createCaller } from '../commands/call.ts'
import { table } from '../commands/index.ts'
import type { Kernel } from '../commands/kernel.ts'
import { folderName, type Tenant } from '../domain/group.ts'
import { createLog } from '../log.ts'
import { openStore } from '../state/open.ts'
import type { Store } from '../state/store.ts'
import { createAppSocket } from './app-socket.ts'

const log = createLog(() => {})
let folder: string
let store: Store
let door: Tenant
let caller: Caller
let stopped: string[] = []
const blog = { app: '', group: 'aaaaaaaa', process: 'web' }
const shop = { app: '', group: 'bbbbbbbb', process: 'web' }
const place = (one: typeof blog) => join(folder, 'mounts', folderName(one))
const socketOf = (one: typeof blog) => join(place(one), 'kernel.sock')

/** As a kernel does when it starts. */
async function freshDoor(): Promise<Tenant> {
  const pipeline = {
    stop: async ({ name }: { name: string }) => {
      stopped.push(name)
      return { app: name, release: null, planned: false, operations: [], result: 'Stopped.' }
    },
  }
  caller = createCaller(table, { store, pipeline } as unknown as Kernel, log)
  const made = createAppSocket({ caller, store, log })
  for (const one of [blog, shop]) await made.enter(one, place(one), false)
  return made
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mp-app-door-'))
  await mkdir(join(folder, 'state'))
  const paths = { sqlite: join(folder, 'state/db') }
  const config = { store: 'sqlite', rqlitePort: 1, domain: 'test', paths } as never
  store = await openStore({ config, key: randomBytes(32), log })
  blog.app = (await store.apps.create('blog', 'tester')).id
  shop.app = (await store.apps.create('shop', 'tester')).id
  for (const one of [blog, shop]) await mkdir(place(one), { recursive: true })
})
beforeEach(async () => {
  stopped = []
  door = await freshDoor()
})
afterAll(async () => {
  for (const one of [blog, shop]) await door.leave(one, place(one))
  await store.close()
  await rm(folder, { recursive: true })
})

async function ask(one: typeof blog, path: string, body?: unknown) {
  const method = body === undefined ? 'GET' : 'POST'
  const outgoing = request({ socketPath: socketOf(one), path, method, headers: { host: 'kernel' } })
  outgoing.end(typeof body === 'string' ? body : JSON.stringify(body))
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  let text = ''
  for await (const chunk of response) text += chunk
  return { status: response.statusCode, json: JSON.parse(text) }
}

test('who asks is known by the socket, and reads itself without saying a name', async () => {
  expect(await ask(blog, '/whoami')).toEqual({
    status: 200,
    json: { name: 'blog', role: 'viewer', door: 'app', from: 'web' },
  })
  expect((await ask(shop, '/whoami')).json.name).toBe('shop')
  expect(await ask(blog, '/socket:report')).toMatchObject({ status: 200, json: [{ app: 'blog', access: 'read' }] })
  expect(await ask(blog, '/socket:report?app=blog')).toMatchObject({ status: 200 })
})

test('another app, one that is not there and the whole server are all the same 403', async () => {
  for (const path of ['/socket:report?app=shop', '/socket:report?app=nothing', '/apps:list', '/keys:list'])
    expect(await ask(blog, path), path).toMatchObject({ status: 403, json: { error: { code: 'forbidden' } } })
  const audited = await store.audit.list({ limit: 10 })
  expect(audited[0]).toMatchObject({ actor: 'blog', door: 'app', from: 'web', result: 'forbidden' })
})

test('an app changes nothing, not even itself, until an admin allows it, and nothing more than that', async () => {
  expect((await ask(blog, '/ps:stop', {})).status).toBe(403)
  await store.socketGrants.set(blog.app, { target: blog.app, access: 'write' })
  expect((await ask(blog, '/ps:stop')).json.error.message).toBe('ps:stop changes something: it takes POST.')
  expect(await ask(blog, '/ps:stop', {})).toMatchObject({ status: 200, json: { result: 'Stopped.' } })
  expect((await ask(blog, '/ps:stop', { app: 'shop' })).status).toBe(403)
  expect((await ask(blog, '/socket:report?app=shop')).status).toBe(403)
  expect((await ask(blog, '/socket:grant', { access: 'write', on: 'shop' })).status).toBe(403)

  await store.socketGrants.set(blog.app, { target: shop.app, access: 'read' })
  expect((await ask(blog, '/socket:report?app=shop')).status).toBe(200)
  expect((await ask(blog, '/ps:stop', { app: 'shop' })).status).toBe(403)
  expect((await ask(shop, '/socket:report?app=blog')).status).toBe(403)

  await store.socketGrants.remove(blog.app, blog.app)
  await store.socketGrants.remove(blog.app, shop.app)
  expect((await ask(blog, '/ps:stop', {})).status).toBe(403)
  expect(stopped).toEqual(['blog'])
})

test('an admin’s token that is for one app gives it no power over others, nor others over it', async () => {
  const actor = { name: 'ci', role: 'admin', door: 'http', from: null, apps: [blog.app] } as const
  const context = { actor, emit: () => {}, input: '', tty: false, signal: new AbortController().signal }
  for (const words of [
    ['blog', 'write', '--on', 'shop'],
    ['blog', 'read', '--on', 'nothing'],
    ['shop', 'write', '--on', 'blog'],
  ])
    await expect(caller.lines(['socket:grant', ...words], context)).rejects.toMatchObject({ code: 'forbidden' })
  await caller.lines(['socket:grant', 'blog', 'write'], context)
  await caller.lines(['socket:revoke', 'blog'], context)
})

test('curl does, and a mistake is told as it is to people', async () => {
  const curl = (...words: string[]) =>
    promisify(execFile)('curl', ['-s', '--unix-socket', socketOf(blog), ...words]).then(({ stdout }) => stdout)
  expect(JSON.parse(await curl('http://kernel/whoami'))).toMatchObject({ name: 'blog' })
  expect(await curl('http://kernel/socket:reprot')).toContain('There is no command “socket:reprot”.')
  expect(await curl('http://kernel/socket:report?colour=red')).toContain('socket:report has no option --colour.')
  expect(await curl('http://kernel/socket:report', '-d', 'nonsense')).toContain('The body is not a JSON object.')
  expect(await curl('-X', 'DELETE', 'http://kernel/whoami')).toContain('it has GET and POST')
  expect(await curl('http://kernel/git:push', '-d', '{}')).toContain('There is no command')
  const large = join(folder, 'large')
  await writeFile(large, 'x'.repeat(1_000_000))
  expect(await curl('http://kernel/whoami', '--data-binary', `@${large}`)).toContain('more than 64 KB')
})

test('a kept connection carries many requests, those that are refused too', async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const connections = new Set()
  for (const body of ['{}', 'nonsense', '{}', 'x'.repeat(100_000), '{}']) {
    const outgoing = request({ socketPath: socketOf(shop), path: '/ps:stop', method: 'POST', agent })
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    connections.add(outgoing.socket)
    for await (const _ of response);
    expect([400, 403]).toContain(response.statusCode)
  }
  agent.destroy()
  expect(connections.size).toBe(1)
})

test('the socket is for every user of the container, and a kernel that starts again puts a new one in its place', async () => {
  const before = await stat(socketOf(blog))
  expect(before.mode & 0o777).toBe(0o666)
  door = await freshDoor()
  expect((await stat(socketOf(blog))).ino).not.toBe(before.ino)
  expect((await ask(blog, '/whoami')).status).toBe(200)
})

test('half-open requests take their own app’s connections only, and end after a while', {
  timeout: 20_000,
}, async () => {
  const began = performance.now()
  const half = Array.from({ length: 100 }, (_, n) => {
    const socket = connect(socketOf(blog)).on('error', () => {})
    socket.write(n % 2 ? 'POST /ps:stop HTTP/1.1\r\nHost: k\r\nContent-Length: 10\r\n\r\n{' : 'GET /whoami HT')
    return new Promise((resolve) => socket.resume().once('close', resolve))
  })
  expect((await ask(shop, '/whoami')).status).toBe(200)
  await Promise.all(half)
  expect(performance.now() - began).toBeLessThan(12_000)
  expect((await ask(blog, '/whoami')).status).toBe(200)
})

test('a path as long as a data home may be is no obstacle', async () => {
  const long = { app: blog.app, group: 'cccccccc', process: 'p'.repeat(30) }
  const path = join(folder, 'x'.repeat(60 - folder.length), folderName(long))
  await mkdir(path, { recursive: true })
  await door.enter(long, path, false)
  expect((await stat(join(path, 'kernel.sock'))).isSocket()).toBe(true)
  await door.leave(long, path)
  await expect(stat(join(path, 'kernel.sock'))).rejects.toThrow('ENOENT')
})

test('who floods gets 503 soon, and the neighbour its answers', async () => {
  const statuses: (number | undefined)[] = []
  const flood = async () => {
    for (let n = 0; n < 40; n++) statuses.push((await ask(blog, '/whoami').catch(() => null))?.status)
  }
  await Promise.all(Array.from({ length: 10 }, flood))
  expect(statuses.filter((one) => one === 503).length).toBeGreaterThan(200)
  expect((await ask(shop, '/whoami')).status).toBe(200)
})
