/** What the store promises, on both databases. */
import { describe, expect, test } from 'vitest'
import type { Place } from '../domain/container.ts'
import type { Release } from '../domain/release.ts'
import { onBothStores } from './stores-for-test.ts'

const anyRelease = (app: string): Omit<Release, 'version' | 'createdAt'> => ({
  app,
  commit: 'c'.repeat(40),
  tree: 't'.repeat(40),
  build: null,
  processes: {
    web: { image: 'sha256:1', command: null, port: 5000 },
    worker: { image: 'sha256:1', command: ['run'], port: null },
  },
  hardened: true,
  attachments: [],
  links: [],
  checks: { path: '/up', timeout: 30 },
  config: { API_KEY: 'x' },
  description: 'Push ccccccc',
  createdBy: 'ann',
})

const place = (app: string, index: number): Place => ({ app, process: 'web', index, release: 1, group: '0a1b2c3d' })

onBothStores((store) => {
  describe('apps', () => {
    test('an app is created with its default host', async () => {
      const app = await store.apps.create('blog', 'ann')
      expect(app).toMatchObject({
        name: 'blog',
        branch: null,
        release: null,
        group: null,
        stopped: false,
        subnet: null,
        createdBy: 'ann',
      })
      expect(app.id).toMatch(/^[0-9a-f]{8}$/)
      expect(await store.apps.get('blog')).toEqual(app)
      expect(await store.apps.byId(app.id)).toEqual(app)
      expect(await store.apps.list()).toEqual([app])
      expect(await store.domains.list()).toEqual([{ host: 'blog.localhost', app: app.id, kind: 'default' }])
    })

    test('a name that is taken is refused, and nothing of the new app stays', async () => {
      await store.apps.create('blog', 'ann')
      await expect(store.apps.create('blog', 'bob')).rejects.toMatchObject({
        code: 'conflict',
        message: 'There is already an app named blog.',
      })
      expect(await store.apps.list()).toHaveLength(1)
    })

    test('a name whose default host is the domain of another app is refused naming that app', async () => {
      const shop = await store.apps.create('shop', 'ann')
      await store.domains.add(shop.id, ['blog.localhost'])
      await expect(store.apps.create('blog', 'ann')).rejects.toMatchObject({
        code: 'conflict',
        message: 'blog.localhost is already a domain of the app shop.',
      })
      expect(await store.apps.find('blog')).toBeNull()
    })

    test('a name that no app may have is refused', async () => {
      await expect(store.apps.create('Blog', 'ann')).rejects.toMatchObject({ code: 'usage' })
      await expect(store.apps.create('kernel', 'ann')).rejects.toMatchObject({ code: 'usage' })
    })

    test('two at once under one name: one gets it', async () => {
      const results = await Promise.allSettled([store.apps.create('blog', 'ann'), store.apps.create('blog', 'bob')])
      expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    test('an unknown name is answered with the nearest one', async () => {
      await store.apps.create('blog', 'ann')
      await expect(store.apps.get('bolg')).rejects.toMatchObject({ code: 'not-found', hint: 'Did you mean blog?' })
      await expect(store.apps.get('warehouse')).rejects.toMatchObject({ code: 'not-found', hint: /apps:list/ })
    })

    test('a rename takes the default host along and leaves the others', async () => {
      const app = await store.apps.create('blog', 'ann')
      await store.domains.add(app.id, ['example.com'])
      await store.apps.rename(app.id, 'journal')
      expect((await store.domains.ofApp(app.id)).map(({ host }) => host)).toEqual(['journal.localhost', 'example.com'])
      expect((await store.apps.get('journal')).id).toBe(app.id)
    })

    test('a rename to a taken name or host changes nothing', async () => {
      const blog = await store.apps.create('blog', 'ann')
      const shop = await store.apps.create('shop', 'ann')
      await store.domains.add(shop.id, ['journal.localhost'])
      await expect(store.apps.rename(blog.id, 'shop')).rejects.toMatchObject({ code: 'conflict' })
      await expect(store.apps.rename(blog.id, 'journal')).rejects.toMatchObject({ message: /app shop/ })
      expect((await store.domains.ofApp(blog.id)).map(({ host }) => host)).toEqual(['blog.localhost'])
    })

    test('a destroyed app takes along everything it owns, and its job stays', async () => {
      const app = await store.apps.create('blog', 'ann')
      const job = await store.jobs.create({ kind: 'push', app: app.id, actor: 'ann', state: 'running' })
      await store.domains.add(app.id, ['example.com'])
      await store.config.set(app.id, { A: '1' })
      await store.formations.set(app.id, { web: { quantity: 2, memory: 512 } })
      await store.builds.start({ id: job.id, app: app.id, commit: 'c', tree: 't' })
      const { version } = await store.releases.create({ ...anyRelease(app.id), build: job.id })
      await store.releases.rememberImage(app.id, 'key', 'sha256:1')
      await store.apps.assignSubnet(app.id, 10)
      await store.addresses.assign(app.id, [place(app.id, 1)])
      await store.apps.serve(app.id, version, '0a1b2c3d')
      await store.apps.destroy(app.id)
      expect(await store.apps.list()).toEqual([])
      expect(await store.domains.list()).toEqual([])
      expect(await store.config.get(app.id)).toEqual({})
      expect(await store.formations.get(app.id)).toEqual({})
      expect(await store.builds.list(null, 10)).toEqual([])
      expect(await store.releases.list(app.id)).toEqual([])
      expect(await store.releases.imageFor(app.id, 'key')).toBeNull()
      expect(await store.addresses.list(app.id)).toEqual([])
      expect((await store.jobs.get(job.id))?.app).toBe(app.id)
    })

    test('the first push claims the branch, others are told', async () => {
      const app = await store.apps.create('blog', 'ann')
      expect(await store.apps.claimBranch(app.id, 'main')).toBe(true)
      expect(await store.apps.claimBranch(app.id, 'main')).toBe(true)
      expect(await store.apps.claimBranch(app.id, 'other')).toBe(false)
      expect((await store.apps.get('blog')).branch).toBe('main')
    })

    test('subnets are the lowest free ones, kept, and unique', async () => {
      const ids = (await Promise.all(['a', 'b', 'c'].map((name) => store.apps.create(name, 'ann')))).map(({ id }) => id)
      const [a, b, c] = ids as [string, string, string]
      const given = await Promise.all([a, b].map((id) => store.apps.assignSubnet(id, 2)))
      expect(given.sort()).toEqual([0, 1])
      const kept = await store.apps.assignSubnet(a, 2)
      expect((await store.apps.byId(a))?.subnet).toBe(kept)
      await expect(store.apps.assignSubnet(c, 2)).rejects.toMatchObject({
        code: 'unavailable',
        message: /All 2 networks/,
      })
      await store.apps.destroy(a)
      expect(await store.apps.assignSubnet(c, 2)).toBe(kept)
    })

    test('calls about an app that is gone say so', async () => {
      const gone = '00000000'
      const calls = [
        () => store.apps.rename(gone, 'x'),
        () => store.apps.setStopped(gone, true),
        () => store.apps.assignSubnet(gone, 5),
        () => store.config.set(gone, { A: '1' }),
        () => store.domains.add(gone, ['example.com']),
        () => store.releases.create(anyRelease(gone)),
        () => store.addresses.assign(gone, [place(gone, 1)]),
      ]
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'not-found' })
    })
  })

  describe('domains', () => {
    test('names of the server itself are no app’s, wherever the global domain is; one that had such a name keeps it', async () => {
      const blog = await store.apps.create('blog', 'ann')
      const refusal = { code: 'conflict', message: 'git.localhost belongs to the server itself.' }
      await expect(store.domains.add(blog.id, ['example.org', 'git.localhost'])).rejects.toMatchObject(refusal)
      await expect(store.domains.set(blog.id, ['git.localhost'])).rejects.toMatchObject(refusal)
      await store.domains.add(blog.id, ['panel.example.com'])
      await expect(store.domains.setGlobal('example.com')).rejects.toMatchObject({
        code: 'conflict',
        message: 'panel.example.com is already a domain of the app blog.',
      })
      expect(await store.domains.global()).toBe('localhost')
      await expect(store.apps.create('git', 'ann')).rejects.toMatchObject({ message: /is a name of the server itself/ })
    })

    test('a host of another app is refused naming that app, and none of the call is added', async () => {
      const [blog, shop] = [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')]
      await store.domains.add(blog.id, ['example.com'])
      await expect(store.domains.add(shop.id, ['shop.org', 'example.com'])).rejects.toMatchObject({
        code: 'conflict',
        message: 'example.com is already a domain of the app blog.',
      })
      await expect(store.domains.set(shop.id, ['shop.org', 'example.com'])).rejects.toMatchObject({ code: 'conflict' })
      expect((await store.domains.ofApp(shop.id)).map(({ host }) => host)).toEqual(['shop.localhost'])
    })

    test('a host given twice in one call is refused', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await expect(store.domains.add(id, ['a.org', 'a.org'])).rejects.toMatchObject({
        message: 'a.org is given twice.',
      })
      await expect(store.domains.set(id, ['a.org', 'a.org'])).rejects.toMatchObject({ code: 'conflict' })
      expect(await store.domains.ofApp(id)).toHaveLength(1)
    })

    test('set replaces the custom ones and may name those that are there', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await store.domains.add(id, ['a.org', 'b.org'])
      await store.domains.set(id, ['b.org', 'c.org', 'blog.localhost'])
      expect((await store.domains.ofApp(id)).map(({ host }) => host)).toEqual(['blog.localhost', 'b.org', 'c.org'])
      await store.domains.set(id, [])
      expect(await store.domains.ofApp(id)).toHaveLength(1)
    })

    test('removing one that is not there removes none', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await store.domains.add(id, ['a.org'])
      await expect(store.domains.remove(id, ['a.org', 'b.org'])).rejects.toMatchObject({
        code: 'not-found',
        message: /b\.org/,
      })
      await store.domains.remove(id, ['a.org'])
      expect(await store.domains.ofApp(id)).toHaveLength(1)
    })

    test('a new global domain moves every default host, or none', async () => {
      const [blog, shop] = [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')]
      await store.domains.add(shop.id, ['blog.example.com'])
      await expect(store.domains.setGlobal('example.com')).rejects.toMatchObject({
        code: 'conflict',
        message: 'blog.example.com is already a domain of the app shop.',
      })
      expect(await store.domains.global()).toBe('localhost')
      await store.domains.setGlobal('example.org')
      expect(await store.domains.global()).toBe('example.org')
      expect((await store.domains.ofApp(blog.id)).map(({ host }) => host)).toEqual(['blog.example.org'])
      expect((await store.apps.create('third', 'ann')).name).toBe('third')
      expect((await store.domains.list()).map(({ host }) => host)).toContain('third.example.org')
    })
  })

  describe('config vars and formations', () => {
    test('config vars are set, unset and replaced', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await store.config.set(id, { A: '1', B: 'two\nlines "quoted"', EMPTY: '' })
      expect(await store.config.get(id)).toEqual({ A: '1', B: 'two\nlines "quoted"', EMPTY: '' })
      await store.config.set(id, { A: null, B: '2' })
      expect(await store.config.get(id)).toEqual({ B: '2', EMPTY: '' })
      await store.config.replace(id, { C: '3' })
      expect(await store.config.get(id)).toEqual({ C: '3' })
      await store.config.replace(id, {})
      await store.config.set(id, {})
      expect(await store.config.get(id)).toEqual({})
    })

    test('the database itself refuses a name that is no variable, with the whole call', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await expect(store.config.set(id, { GOOD: '1', 'BAD-NAME': '2' })).rejects.toMatchObject({ kind: 'check' })
      expect(await store.config.get(id)).toEqual({})
    })

    test('a scale is kept for each process type', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await store.formations.set(id, { web: { quantity: 2, memory: 256 }, worker: { quantity: 1, memory: 512 } })
      await store.formations.set(id, { web: { quantity: 0, memory: 256 } })
      expect(await store.formations.get(id)).toEqual({
        web: { quantity: 0, memory: 256 },
        worker: { quantity: 1, memory: 512 },
      })
      await expect(store.formations.set(id, { web: { quantity: -1, memory: 256 } })).rejects.toMatchObject({
        kind: 'check',
      })
    })
  })

  describe('releases', () => {
    test('a release is in no list until it serves', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await store.apps.setStopped(id, true)
      const created = await store.releases.create(anyRelease(id))
      expect(created).toMatchObject({ ...anyRelease(id), version: 1 })
      expect(await store.releases.list(id)).toEqual([])
      await store.apps.serve(id, 1, '0a1b2c3d')
      expect(await store.releases.list(id)).toEqual([created])
      expect(await store.releases.get(id, 1)).toEqual(created)
      expect(await store.apps.byId(id)).toMatchObject({ release: 1, group: '0a1b2c3d', stopped: false })
    })

    test('two at once get two numbers', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      const both = await Promise.all([store.releases.create(anyRelease(id)), store.releases.create(anyRelease(id))])
      expect(both.map(({ version }) => version).sort()).toEqual([1, 2])
    })

    test('the number of a discarded release is given again; one that served stays', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await store.releases.create(anyRelease(id))
      await store.releases.discard(id, 1)
      expect((await store.releases.create(anyRelease(id))).version).toBe(1)
      await store.apps.serve(id, 1, '0a1b2c3d')
      await store.releases.create(anyRelease(id))
      await store.releases.discard(id, 1)
      await store.releases.discardPending()
      expect(await store.releases.get(id, 1)).not.toBeNull()
      expect(await store.releases.get(id, 2)).toBeNull()
    })

    test('a release that is not there cannot serve, and nothing changes', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      await expect(store.apps.serve(id, 7, '0a1b2c3d')).rejects.toMatchObject({ code: 'not-found', message: /v7/ })
      expect(await store.apps.byId(id)).toMatchObject({ release: null, group: null })
    })

    test('an image is found by what went into it, for its own app only', async () => {
      const [blog, shop] = [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')]
      await store.releases.rememberImage(blog.id, 'key', 'sha256:1')
      await store.releases.rememberImage(blog.id, 'key', 'sha256:2')
      expect(await store.releases.imageFor(blog.id, 'key')).toBe('sha256:2')
      expect(await store.releases.imageFor(shop.id, 'key')).toBeNull()
      await store.releases.forgetImage(shop.id, 'sha256:2')
      expect(await store.releases.imageFor(blog.id, 'key')).toBe('sha256:2')
      await store.releases.forgetImage(blog.id, 'sha256:2')
      expect(await store.releases.imageFor(blog.id, 'key')).toBeNull()
    })

    test('an image that was built again takes the place of the old one in every release that has it', async () => {
      const [blog, shop] = [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')]
      const other = { web: { image: 'sha256:9', command: null, port: 5000 } }
      for (const release of [anyRelease(blog.id), { ...anyRelease(blog.id), processes: other }, anyRelease(shop.id)]) {
        const { app, version } = await store.releases.create(release)
        await store.apps.serve(app, version, '0a1b2c3d')
      }
      await store.releases.replaceImages(blog.id, { 'sha256:1': 'sha256:2' })
      await store.releases.replaceImages(blog.id, {})
      expect((await store.releases.get(blog.id, 1))?.processes).toEqual({
        web: { image: 'sha256:2', command: null, port: 5000 },
        worker: { image: 'sha256:2', command: ['run'], port: null },
      })
      expect((await store.releases.get(blog.id, 2))?.processes).toEqual(other)
      expect((await store.releases.get(shop.id, 1))?.processes.web?.image).toBe('sha256:1')
    })
  })

  describe('builds', () => {
    test('a build runs, ends once, and is interrupted when it is left over', async () => {
      const { id: app } = await store.apps.create('blog', 'ann')
      const [first, second] = [
        await store.jobs.create({ kind: 'push', app, actor: 'ann', state: 'running' }),
        await store.jobs.create({ kind: 'push', app, actor: 'ann', state: 'queued' }),
      ]
      await store.builds.start({ id: first.id, app, commit: 'c', tree: 't' })
      await store.builds.setBuildpack(first.id, 'node')
      await store.builds.end(first.id, 'succeeded', 'Built', true)
      await store.builds.end(first.id, 'failed', 'too late', false)
      expect(await store.builds.get(first.id)).toMatchObject({
        state: 'succeeded',
        buildpack: 'node',
        reused: true,
        result: 'Built',
      })
      await store.builds.start({ id: second.id, app, commit: 'c', tree: 't' })
      await store.builds.interruptAll()
      expect((await store.builds.list(app, 10)).map(({ state }) => state)).toEqual(['interrupted', 'succeeded'])
      expect(await store.builds.list(null, 1)).toHaveLength(1)
    })

    test('the next build of an app ends one whose end could not be written', async () => {
      const { id: app } = await store.apps.create('blog', 'ann')
      for (const commit of ['lost', 'next']) {
        const { id } = await store.jobs.create({ kind: 'push', app, actor: 'ann', state: 'running' })
        await store.builds.start({ id, app, commit, tree: 't' })
      }
      const states = (await store.builds.list(app, 10)).map(({ commit, state }) => [commit, state])
      expect(states).toEqual([
        ['next', 'running'],
        ['lost', 'interrupted'],
      ])
    })
  })

  describe('addresses', () => {
    test('places get the lowest free addresses, and one is free again after its release', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      expect(await store.addresses.assign(id, [place(id, 1), place(id, 2), place(id, 3)])).toEqual([2, 3, 4])
      await store.addresses.release(id, [3])
      expect(await store.addresses.assign(id, [place(id, 4), place(id, 5)])).toEqual([3, 5])
      expect(await store.addresses.assign(id, [place(id, 6), place(id, 1)])).toEqual([6, 2])
      expect(await store.addresses.list(id)).toContainEqual({ ...place(id, 4), host: 3 })
    })

    test('calls at the same time never get the same address', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      const calls = await Promise.all(
        [1, 2, 3, 4].map((n) => store.addresses.assign(id, [place(id, n), place(id, n + 10)])),
      )
      expect(new Set(calls.flat()).size).toBe(8)
    })

    test('a full subnet refuses the whole call', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      const places = Array.from({ length: 237 }, (_, n) => place(id, n + 1))
      await store.addresses.assign(id, places)
      await expect(store.addresses.assign(id, [place(id, 238), place(id, 239)])).rejects.toMatchObject({
        code: 'unavailable',
      })
      expect(await store.addresses.assign(id, [place(id, 238)])).toEqual([239])
    })
  })

  describe('keys, devices, settings, audit', () => {
    const key = { name: 'ann', fingerprint: 'SHA256:abc', publicKey: 'ssh-ed25519 AAAA', role: 'admin' } as const

    test('a key or a name that is there is refused, saying which', async () => {
      const added = await store.keys.add(key)
      await expect(store.keys.add({ ...key, fingerprint: 'SHA256:def' })).rejects.toMatchObject({
        code: 'conflict',
        message: 'There is already a key named ann.',
      })
      await expect(store.keys.add({ ...key, name: 'bob' })).rejects.toMatchObject({ message: /under the name ann/ })
      expect(await store.keys.byName('ann')).toEqual(added)
      expect(await store.keys.byName('bob')).toBeNull()
      expect(await store.keys.remove('ann')).toBe(true)
      expect(await store.keys.remove('ann')).toBe(false)
      expect(await store.keys.list()).toEqual([])
    })

    test('a device belongs to a node that is there', async () => {
      const rest = { as: 'built-in', version: null, state: 'ready', settings: { httpPort: 80 } } as const
      const device = { name: 'nginx', driver: 'nginx', class: 'proxy', node: 'local', ...rest } as const
      await store.devices.add(device)
      await expect(store.devices.add(device)).rejects.toMatchObject({ code: 'conflict', message: /named nginx/ })
      await expect(store.devices.add({ ...device, name: 'n2', node: 'mars' })).rejects.toMatchObject({
        code: 'not-found',
      })
      expect(await store.devices.list()).toMatchObject([device])
    })

    test('a setting is kept', async () => {
      expect(await store.settings.get('x')).toBeNull()
      await store.settings.set('x', '1')
      await store.settings.set('x', '2')
      expect(await store.settings.get('x')).toBe('2')
    })

    test('the audit log is read newest first', async () => {
      const entry = {
        at: '2026-01-01T00:00:00.000Z',
        actor: 'ann',
        role: 'admin',
        door: 'ssh',
        from: null,
        args: '{}',
        result: 'ok',
      } as const
      for (const command of ['a', 'b', 'c']) await store.audit.add({ ...entry, command })
      expect((await store.audit.list({ limit: 2 })).map(({ command }) => command)).toEqual(['c', 'b'])
    })

    test('the audit log of an app has pushes, which name it by its id, and its renaming', async () => {
      const { id } = await store.apps.create('blog', 'ann')
      const entry = { at: '2026-01-01T00:00:00.000Z', actor: 'ann', role: 'admin', door: 'ssh', from: null } as const
      const add = (command: string, args: object) =>
        store.audit.add({ ...entry, command, args: JSON.stringify(args), result: 'ok' })
      await add('apps:rename', { app: 'log', name: 'blog' })
      await add('git:push', { repository: id })
      await add('ps:scale', { app: 'blog' })
      await add('ps:scale', { app: 'shop' })
      await add('keys:add', { name: 'blog' })
      const found = await store.audit.list({ app: 'blog', limit: 10 })
      expect(found.map(({ command }) => command)).toEqual(['ps:scale', 'git:push', 'apps:rename'])
    })
  })
})
