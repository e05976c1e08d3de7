import { expect, test } from 'vitest'
import { UserError } from '../errors.ts'
import { createLog } from '../log.ts'
import { createCaller } from './call.ts'
import type { Context } from './command.ts'
import { table } from './index.ts'
import type { Kernel } from './kernel.ts'

function asked(kernel: object, over: Partial<Context> = {}) {
  const emitted: string[] = []
  const context: Context = {
    actor: { name: 'ann', role: 'admin', door: 'ssh', from: null },
    emit: (line) => void emitted.push(line),
    input: '',
    tty: false,
    signal: new AbortController().signal,
    ...over,
  }
  const audit = { add: async () => {} }
  const whole = { ...kernel, store: { audit, ...(kernel as { store?: object }).store } } as unknown as Kernel
  const caller = createCaller(
    table,
    whole,
    createLog(() => {}),
  )
  return { emitted, lines: (...words: string[]) => caller.lines(words, context) }
}

const empty = { list: async () => [] }
const nothing = { apps: empty, devices: empty, databases: empty, volumes: empty }

test('what should run is revived one after the other; one that fails is named, and stops no other', async () => {
  const apps = ['ant', 'bee', 'cat', 'dog'].map((name) => ({ name, release: 3, stopped: name === 'cat' }))
  const { emitted, lines } = asked({
    store: { ...nothing, apps: { list: async () => [...apps, { name: 'egg', release: null, stopped: false }] } },
    url: async ({ name }: { name: string }) => `http://${name}.localhost/`,
    pipeline: {
      revive: async ({ name }: { name: string }) => {
        if (name === 'ant') throw new UserError('refused', 'npm ended with code 1.', undefined, ['npm error'])
      },
    },
  })
  await expect(lines('server:revive')).rejects.toMatchObject({
    code: 'refused',
    message: 'Not back: ant. The reasons are above.',
    hint: 'Try again: ps:restart ant',
  })
  expect(emitted).toEqual([
    '-----> ant v3',
    ' !     npm ended with code 1.',
    '       npm error',
    '-----> bee v3',
    '-----> dog v3',
    'bee v3 runs: http://bee.localhost/',
    'dog v3 runs: http://dog.localhost/',
  ])
})

test('what is lost is filled from the newest backup that proves itself; what no archive has is named, and stops no other', async () => {
  const backup = { kind: 'database', subject: 'blog-db', archive: 'disk', state: 'stored', missing: false }
  const backups = [
    { ...backup, id: 'newest', createdAt: '2026-01-03T02:00:00.000Z' },
    { ...backup, id: 'older', createdAt: '2026-01-02T02:00:00.000Z' },
    { ...backup, id: 'oldest', createdAt: '2026-01-01T02:00:00.000Z' },
  ]
  const tried: string[] = []
  const { emitted, lines } = asked({
    store: {
      ...nothing,
      databases: { list: async () => [{ name: 'blog-db', lost: true }] },
      volumes: {
        list: async () => [
          { name: 'uploads', lost: true },
          { name: 'blog-db', lost: false },
        ],
      },
    },
    dataBackups: {
      look: async () => ({ backups, unseen: [] }),
      restore: async (id: string) => {
        tried.push(id)
        if (id === 'newest') throw new UserError('refused', 'It is damaged.')
      },
    },
  })
  expect(await lines('backups:restore-all', '--dry-run')).toEqual([
    'Would do:',
    expect.stringMatching(/^ {2}restore the database blog-db from .*-newest\.age in disk, made .* ago$/),
    '  nothing for the volume uploads: no archive has a backup of it',
  ])
  await expect(lines('backups:restore-all')).rejects.toMatchObject({
    message: expect.stringMatching(/^Not back: uploads\./),
  })
  expect(tried).toEqual(['newest', 'older'])
  expect(emitted).toContain(' !     It is damaged.')
  expect(emitted).toContainEqual(expect.stringMatching(/^blog-db is back, as it was .* \(older\)\.$/))
})

const saved = { file: '/b/server.age', bytes: 1_234_567, apps: 1, warnings: ['A commit is gone.'] }

test('a backup says where it is, how large it is, and what is missing in it', async () => {
  const { lines } = asked({ backups: { save: async () => saved } })
  expect(await lines('server:backup')).toEqual([
    '       Warning: A commit is gone.',
    '/b/server.age has the state, the keys and the repositories of 1 app (1.2 MB).',
    expect.stringContaining('./install.sh --restore FILE'),
  ])
})

test('on standard output a backup is alone, asked as JSON or not, and never goes to a terminal', async () => {
  const bytes: Buffer[] = []
  const kernel = { backups: { send: async (write: (some: Buffer) => void) => write(Buffer.from('age')) } }
  const write = async (some: Buffer) => void bytes.push(some)
  const { emitted, lines } = asked(kernel, { write })
  expect(await lines('server:backup', '--stdout')).toEqual([])
  expect(await lines('server:backup', '--stdout', '--format', 'json')).toEqual([])
  expect(Buffer.concat(bytes).toString()).toBe('ageage')
  expect(emitted).toEqual([])
  await expect(asked(kernel, { write, tty: true }).lines('server:backup', '--stdout')).rejects.toThrow('to a terminal')
  await expect(asked(kernel).lines('server:backup', '--stdout')).rejects.toThrow('only come over SSH')
})
