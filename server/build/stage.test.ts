import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { pack } from 'tar-stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDriver } from '../../drivers/docker/index.ts'
import type { BuilderDriver } from '../devices/classes/builder.ts'
import type { App } from '../domain/app.ts'
import type { Process } from '../domain/release.ts'
import { createEngine } from '../engine/docker.ts'
import { createLog } from '../log.ts'
import { spoolSource } from '../push/spool.ts'
import { startStore, type TestStore } from '../state/stores-for-test.ts'
import { type BaseImages, createBases } from './bases.ts'
import type { Built } from './build.ts'
import { createBuildStage } from './stage.ts'

const system = 'test-build-stage'
const socket = '/var/run/docker.sock'
const buildpacks = join(import.meta.dirname, '../../buildpacks')
const execute = promisify(execFile)
const docker = async (...args: string[]) => (await execute('docker', args)).stdout.trim()

let store: TestStore
let app: App
let folder: string
let bases: BaseImages
let builds = 0
let lines: string[] = []
const engine = createEngine({ socket, system })
const driver = createDriver({
  folder: '/nonexistent',
  system,
  settings: {},
  engineSocket: socket,
  log: createLog(() => {}),
})
const counting: BuilderDriver = {
  build: (...args) => {
    builds++
    return driver.build(...args)
  },
}

beforeAll(async () => {
  await sweep()
  folder = mkdtempSync(join(tmpdir(), 'megapolos-stage-'))
  store = await startStore('sqlite')
  app = await store.store.apps.create('example', 'test')
  bases = createBases({ mode: 'auto', buildpacks, system: 'test' }, () => driver, engine)
  await bases.ensure('static', () => {})
  await bases.ensure('node:24', () => {})
}, 600_000)

afterAll(async () => {
  await sweep()
  await store.stop()
  rmSync(folder, { recursive: true })
})

async function sweep(): Promise<void> {
  const containers = await docker('ps', '-aq', '--filter', `label=${system}`)
  if (containers) await docker('rm', '-f', ...containers.split('\n'))
  const images = await docker('images', '-q', '--no-trunc', '--filter', `label=megapolos.system=${system}`)
  if (images) await docker('rmi', '-f', ...new Set(images.split('\n')))
}

interface Pushed {
  readonly config?: Record<string, string>
  readonly tree?: string
  readonly signal?: AbortSignal
  readonly onLine?: (line: string) => void
  readonly timeLimit?: number
}

async function push(files: Record<string, string>, more: Pushed = {}): Promise<Built & { readonly id: number }> {
  const out = pack()
  for (const [name, text] of Object.entries(files)) out.entry({ name }, text)
  out.finalize()
  const { id } = await store.store.jobs.create({ kind: 'push', app: app.id, actor: 'test', state: 'running' })
  const source = await spoolSource(Readable.from(out as AsyncIterable<Buffer>), join(folder, `${id}.tar`))
  const basesConfig = { mode: 'auto', buildpacks, system } as const
  const { timeLimit } = more
  const ports = { builder: () => counting, engine, store: store.store, basesConfig, log: createLog(() => {}) }
  lines = []
  builds = 0
  const built = await createBuildStage(timeLimit ? { ...ports, timeLimit } : ports).build({
    app,
    commit: 'c'.repeat(40),
    tree: more.tree ?? `tree-of-${id}`,
    source,
    config: more.config ?? {},
    id,
    emit: (line) => {
      lines.push(line)
      more.onLine?.(line)
    },
    signal: more.signal ?? new AbortController().signal,
  })
  return { ...built, id }
}

function example(name: string): Record<string, string> {
  const path = join(buildpacks, name, 'example')
  return Object.fromEntries(readdirSync(path).map((file) => [file, readFileSync(join(path, file), 'utf8')]))
}

/** Starts it as hardened as the kernel would, asks it once, and returns the answer. */
async function answer(process: Process, path = '/', hardened = true): Promise<Response> {
  const tight = ['--user', '1000', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges']
  const command = process.command ?? []
  const options = ['--init', '--label', system, '--env', `PORT=${process.port}`, ...(hardened ? tight : [])]
  const id = await docker('run', '--detach', ...options, process.image, ...command)
  try {
    const address = await docker('inspect', '--format', '{{.NetworkSettings.IPAddress}}', id)
    const deadline = Date.now() + 10_000
    for (;;) {
      const response = await fetch(`http://${address}:${process.port}${path}`, { redirect: 'manual' }).catch(() => null)
      if (response) return response
      if (Date.now() > deadline) throw new Error((await execute('docker', ['logs', id])).stderr)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  } finally {
    await docker('rm', '-f', id)
  }
}

const web = (built: Built) => built.processes.web as Process

test('the Node example is built and answers as user 1000 in /app', async () => {
  const built = await push(example('node'))
  expect(built).toMatchObject({ hardened: true, reused: false, checks: { path: null, timeout: 60 }, formation: {} })
  expect(web(built)).toMatchObject({ command: ['/bin/sh', '-c', 'node server.js'], port: 5000 })
  expect(await (await answer(web(built))).text()).toMatch(/^up for \S+ as 1000 in \/app\n$/)
  expect(lines[0]).toBe('-----> Node 24 (engines >=22)')
  expect(await store.store.builds.get(built.id)).toMatchObject({ state: 'succeeded', buildpack: 'node', reused: false })
}, 120_000)

test('a changed line of code does not install anything again', async () => {
  const files = example('node')
  await push({ ...files, 'server.js': `${files['server.js']}// changed ${Date.now()}\n` })
  expect(lines.some((line) => line.includes('npm ci') && line.endsWith('(unchanged)'))).toBe(true)
})

test('the static example answers, keeps dotfiles to itself and never names its port', async () => {
  const files = {
    ...example('static'),
    Procfile: 'web: exec serve-static\n',
    '404.html': 'lost',
    '.htpasswd': 'x',
    'a/b.html': 'b',
    'app.3f9a0c12.js': '',
  }
  const built = await push(files)
  const home = await answer(web(built))
  expect([home.status, home.headers.get('cache-control')]).toEqual([200, 'no-cache'])
  expect(await home.text()).toContain('It works.')
  for (const path of ['/.htpasswd', '/Procfile', '/.megapolos/Dockerfile', '/nothing']) {
    const lost = await answer(web(built), path)
    expect([path, lost.status, await lost.text()]).toEqual([path, 404, 'lost'])
  }
  const moved = await answer(web(built), '/a')
  expect([moved.status, moved.headers.get('location')]).toEqual([301, '/a/'])
  const hashed = await answer(web(built), '/app.3f9a0c12.js')
  expect(hashed.headers.get('cache-control')).toContain('immutable')
}, 60_000)

test("a Dockerfile's image runs its own command on the port that it exposes", async () => {
  const files = example('dockerfile')
  const run = bases.reference('node', '24', 'run')
  const built = await push({ ...files, Dockerfile: files.Dockerfile?.replace(/node:24\S+/, run) ?? '' })
  expect(web(built)).toMatchObject({ command: null, port: 8080 })
  expect(built.hardened).toBe(false)
  expect(lines).toContain(
    '       Warning: The "# syntax=" line of the Dockerfile is left out: the builder\'s own frontend is used.',
  )
  expect(await (await answer(web(built), '/', false)).text()).toBe('as 0\n')
})

test('the same tree is not built again, whatever the config vars are', async () => {
  const files = { 'index.html': 'same' }
  const first = await push(files, { tree: 'same' })
  const second = await push(files, { tree: 'same', config: { A: '1' } })
  expect(builds).toBe(0)
  expect(second).toMatchObject({ reused: true, processes: first.processes })
  expect(await store.store.builds.get(second.id)).toMatchObject({ state: 'succeeded', reused: true })
})

test("an image that was pruned behind the kernel's back is built again", async () => {
  const files = { 'index.html': `pruned ${Date.now()}` }
  const first = await push(files, { tree: 'pruned' })
  await docker('rmi', '-f', web(first).image)
  const second = await push(files, { tree: 'pruned' })
  expect(second.reused).toBe(false)
  expect(await engine.image(web(second).image)).not.toBeNull()
})

test('a build script sees config vars, runs again when one changes, and leaves none in the image', async () => {
  const secret = `it's $HOME "${Date.now()}"`
  const files = {
    'package.json': JSON.stringify({ scripts: { build: 'node build.js', start: 'node server.js' } }),
    'build.js': 'require("fs").writeFileSync("length", String(process.env.TOKEN.length))',
    'server.js':
      'require("http").createServer((q, s) => s.end(require("fs").readFileSync("length"))).listen(process.env.PORT)',
  }
  const built = await push(files, { tree: 'script', config: { TOKEN: secret } })
  expect(await (await answer(web(built))).text()).toBe(String(secret.length))
  expect(await docker('history', '--no-trunc', web(built).image)).not.toContain(secret)

  const again = await push(files, { tree: 'script', config: { TOKEN: 'four' } })
  expect(again.reused).toBe(false)
  expect(await (await answer(web(again))).text()).toBe('4')
  expect(await push(files, { tree: 'script', config: { TOKEN: 'four' } })).toMatchObject({ reused: true })
}, 120_000)

test('a failing build script is refused with its output, and the build row says so', async () => {
  const files = { 'package.json': '{"scripts":{"build":"echo the cause; exit 3"}}', 'index.js': '' }
  await expect(push(files)).rejects.toMatchObject({
    code: 'refused',
    message: expect.stringContaining('npm run build" (exit code 3)'),
    detail: expect.arrayContaining(['the cause']),
  })
  const [row] = await store.store.builds.list(app.id, 1)
  expect(row).toMatchObject({ state: 'failed', buildpack: 'node' })
}, 60_000)

test('what .dockerignore names is not in the image', async () => {
  const built = await push({ 'index.html': 'a', 'left.html': 'b', 'kept.html': 'c', '.dockerignore': 'left.html\n' })
  expect((await answer(web(built), '/left.html')).status).toBe(404)
  expect((await answer(web(built), '/kept.html')).status).toBe(200)
}, 60_000)

test('a cancelled build ends as cancelled', async () => {
  const controller = new AbortController()
  const files = { 'package.json': '{"scripts":{"build":"echo begun; sleep 300"}}', 'index.js': '' }
  const onLine = (line: string) => {
    if (line.endsWith('begun') && !line.includes('echo')) controller.abort()
  }
  await expect(push(files, { signal: controller.signal, onLine })).rejects.toMatchObject({ code: 'cancelled' })
  expect((await store.store.builds.list(app.id, 1))[0]).toMatchObject({ state: 'cancelled' })
}, 60_000)

test('a build that hangs is ended after the time limit, which is said', async () => {
  const files = { 'package.json': '{"scripts":{"build":"sleep 300"}}', 'index.js': '' }
  await expect(push(files, { timeLimit: 3000 })).rejects.toMatchObject({
    code: 'refused',
    message: 'The build was ended: it took longer than 0.05 minutes.',
  })
  expect((await store.store.builds.list(app.id, 1))[0]).toMatchObject({ state: 'failed' })
}, 60_000)

test('a tree that nothing fits is refused before anything is built', async () => {
  await expect(push({ 'README.md': '' })).rejects.toMatchObject({ code: 'refused' })
  expect(builds).toBe(0)
})
