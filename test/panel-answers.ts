/** Answers of a server on which something runs, as the panel's tests need them. */
import { ago } from './panel-world.ts'

export const commit = '4f2c9e1b7a6d5c4f3e2d1c0b9a8f7e6d5c4b3a29'

export function appSummary(name: string, state = 'running', change: object = {}) {
  return {
    ...{ id: `id-${name}`, name, state, url: `http://${name}.localhost/`, release: 3, createdAt: ago(90_000) },
    processes: [{ type: 'web', wanted: 2, running: state === 'degraded' ? 1 : 2 }],
    ...change,
  }
}

export function appInfo(name: string, change: object = {}) {
  return {
    ...{ id: `id-${name}`, name, state: 'running', url: `http://${name}.localhost/`, branch: 'main', release: 3 },
    ...{ commit, description: 'Push 4f2c9e1', releasedAt: ago(700), createdAt: ago(90_000), createdBy: 'laptop' },
    processes: [
      { type: 'web', command: 'node server.js', wanted: 2, running: 2, memory: 512 },
      { type: 'worker', command: 'node worker.js', wanted: 0, running: 0, memory: 256 },
    ],
    domains: [`${name}.localhost`, '*.example.com', 'blog.example.com', 'example.com/blog'],
    urls: [`http://${name}.localhost/`, '', 'https://blog.example.com/', 'http://example.com/blog/'],
    maintenance: false,
    ...change,
  }
}

export function job(id: number, change: object = {}) {
  return {
    ...{ id, kind: 'push', app: 'blog', state: 'succeeded', actor: 'laptop', result: 'v3 is live.' },
    operations: ['build 4f2c9e1', 'release: Push 4f2c9e1', 'start web.1', 'check web.1', 'switch the routes of blog'],
    ...{ createdAt: ago(720), startedAt: ago(720), endedAt: ago(700) },
    ...change,
  }
}

const builtIn = { node: 'local', as: 'built-in', version: null }
export const running = { state: 'running', result: null, endedAt: null, operations: ['build 4f2c9e1'] }
export const refused = {
  state: 'failed',
  operations: [],
  result: 'web listens on port 3000, but its PORT is 5000, so no check could reach it.',
}

export function release(version: number, current = false) {
  return { version, current, commit, description: 'Push 4f2c9e1', createdAt: ago(700), createdBy: 'laptop' }
}

export function build(id: number, change: object = {}) {
  return {
    ...{ id, commit, buildpack: 'node', state: 'succeeded', reused: false, result: 'sha256:9e2f', startedAt: ago(720) },
    ...{ endedAt: ago(705), ...change },
  }
}

export const output = [
  '-----> Building',
  '       Node 24 (engines >=24)',
  '       added 318 packages in 13 s',
  '-----> Releasing v3',
  '-----> Rolling out v3',
  ' !     web.1 did not answer',
]

export function event(id: number, kind: string, text: string, job: number | null = null) {
  return { id, at: ago(700 - id * 100), kind, app: 'blog', job, text }
}

export function logLine(text: string, process = 'web.1') {
  return { at: '2026-11-23T12:41:03.123456Z', process, release: 3, text }
}

/** A server with one app, `blog`, and everything that its pages ask for. */
export const blog = {
  'apps:list': [appSummary('blog')],
  'apps:info': appInfo('blog'),
  releases: [release(3, true), release(2), release(1)],
  'releases:info': ({ version = 3 }: { version?: number }) => ({
    ...release(version, version === 3),
    processes: { web: 'node server.js' },
    config: ['API_KEY', 'GREETING'],
    attachments: [],
    links: [],
    changes: ['commit b81d06a → 4f2c9e1', 'config API_KEY is set'],
  }),
  'builds:list': [build(61), build(60, { state: 'failed' }), build(59, { reused: true })],
  'builds:info': ({ build: id }: { build: number }) => build(id),
  'jobs:list': [job(61)],
  'jobs:info': ({ job: id }: { job: number }) => ({ ...job(id), output, steps: [] }),
  events: [
    event(1, 'job-began', 'push by laptop began.', 61),
    event(2, 'job-ended', 'push by laptop is done: v3 is live.', 61),
    event(3, 'container', 'web.1 of blog crashed with code 1, for the 4th time.'),
    event(4, 'device', 'Redis answers again, after 20 s.'),
  ],
  'devices:list': [
    { name: 'docker', class: 'builder', driver: 'docker', ...builtIn, state: 'ready' },
    { name: 'nginx', class: 'proxy', driver: 'nginx', ...builtIn, state: 'running' },
  ],
  logs: ({ tail }: { tail: boolean }) => (tail ? [] : [logLine('GET / 200 18 ms'), logLine('ready', 'worker.1')]),
}
