/** What garbage collection reads of the store, and what it may make it forget; on both databases. */
import { expect, test } from 'vitest'
import type { Release } from '../domain/release.ts'
import { onBothStores } from './stores-for-test.ts'

const anyRelease = (app: string): Omit<Release, 'version' | 'createdAt'> => ({
  ...{
    app,
    commit: 'c'.repeat(40),
    tree: 't'.repeat(40),
    build: null,
    config: {},
    attachments: [],
    links: [],
    hardened: true,
  },
  processes: {
    web: { image: 'sha256:1', command: null, port: 5000 },
    worker: { image: 'sha256:1', command: ['run'], port: null },
  },
  ...{ checks: { path: null, timeout: 30 }, description: 'Push ccccccc', createdBy: 'ann' },
})

onBothStores((store) => {
  test('of old releases only outlines are read, of one app or of all, pending ones too', async () => {
    const [blog, shop] = [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')]
    await store.releases.create(anyRelease(blog.id))
    await store.apps.serve(blog.id, 1, '0a1b2c3d')
    await store.releases.create(anyRelease(blog.id))
    await store.releases.create(anyRelease(shop.id))
    const { commit } = anyRelease(blog.id)
    const outline = { app: blog.id, commit, build: null, images: ['sha256:1'] }
    expect(await store.releases.outlines(blog.id)).toEqual([
      { ...outline, version: 2, served: false },
      { ...outline, version: 1, served: true },
    ])
    expect(await store.releases.outlines()).toHaveLength(3)
  })

  test('releases are forgotten, but never the one that serves, a pending one or the newest, whose number is not given again', async () => {
    const { id } = await store.apps.create('blog', 'ann')
    for (const version of [1, 2, 3]) {
      await store.releases.create(anyRelease(id))
      await store.apps.serve(id, version, '0a1b2c3d')
    }
    await store.apps.serve(id, 2, '0a1b2c3d')
    await store.releases.forget(id, [1, 2, 3, 9])
    expect((await store.releases.list(id)).map(({ version }) => version)).toEqual([3, 2])
    expect((await store.releases.create(anyRelease(id))).version).toBe(4)
    await store.releases.forget(id, [3, 4])
    expect((await store.releases.outlines(id)).map(({ version }) => version)).toEqual([4, 2])
    expect((await store.releases.create(anyRelease(id))).version).toBe(5)
  })

  test('jobs are forgotten with their builds, but never one that runs or whose build a release names', async () => {
    const { id: app } = await store.apps.create('blog', 'ann')
    const job = async (state: 'queued' | 'running') =>
      (await store.jobs.create({ kind: 'push', app, actor: 'ann', state })).id
    const build = async () => {
      const id = await job('running')
      await store.builds.start({ id, app, commit: 'c', tree: 't' })
      return id
    }
    const built = async () => {
      const id = await build()
      await store.builds.end(id, 'succeeded', 'Built', false)
      await store.jobs.move(id, 'running', 'succeeded')
      return id
    }
    const [named, old, runs, waits] = [await built(), await built(), await build(), await job('queued')]
    await store.releases.create({ ...anyRelease(app), build: named })
    expect(await store.jobs.forget([named, old, runs, waits])).toEqual([old])
    expect((await store.jobs.outlines()).map(({ id, active }) => [id, active])).toEqual([
      [waits, true],
      [runs, true],
      [named, false],
    ])
    expect((await store.builds.list(app, 9)).map(({ id }) => id)).toEqual([runs, named])
  })

  test('lines of the audit log expire by number and by age', async () => {
    const entry = { actor: 'ann', role: 'admin', door: 'ssh', from: null, args: '{}', result: 'ok' } as const
    for (const year of [2020, 2021, 2022, 2023]) {
      await store.audit.add({ ...entry, at: `${year}-01-01T00:00:00.000Z`, command: `in ${year}` })
    }
    const left = async () => (await store.audit.list({ limit: 9 })).map(({ command }) => command)
    expect(await store.audit.expired(9, '2021-01-01T00:00:00.000Z')).toBe(1)
    expect(await store.audit.expired(2, '2021-01-01T00:00:00.000Z')).toBe(2)
    await store.audit.expire(9, '2021-01-01T00:00:00.000Z')
    expect(await left()).toEqual(['in 2023', 'in 2022', 'in 2021'])
    await store.audit.expire(1, '2020-01-01T00:00:00.000Z')
    expect(await left()).toEqual(['in 2023'])
    expect(await store.audit.expired(1, '2020-01-01T00:00:00.000Z')).toBe(0)
  })
})
