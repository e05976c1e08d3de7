/** Databases, attachments and logins: what the store's constraints refuse, and what is one step; on both databases. */
import { expect, test } from 'vitest'
import type { AttachmentReference } from '../domain/database.ts'
import type { Release } from '../domain/release.ts'
import type { Store } from './store.ts'
import { onBothStores } from './stores-for-test.ts'

const reach = { host: '10.64.0.1', port: 5432, database: 'blog_db_1' }
const reference: AttachmentReference = { alias: 'DATABASE', database: 'blog-db', env: { DB_HOST: '{host}' } }
const anyRelease = (
  app: string,
  attachments: readonly AttachmentReference[],
): Omit<Release, 'version' | 'createdAt'> => ({
  ...{ app, attachments, commit: 'c'.repeat(40), tree: 't'.repeat(40), build: null, processes: {}, hardened: true },
  ...{ checks: { path: null, timeout: 30 }, links: [], config: {}, description: 'Push', createdBy: 'ann' },
})

async function blogWithDatabase(store: Store) {
  const device = { driver: 'x', class: 'database', node: 'local', as: 'container', version: null } as const
  await store.devices.add({ ...device, name: 'big', state: 'ready', settings: {} })
  const app = await store.apps.create('blog', 'ann')
  await store.databases.add({ name: 'blog-db', device: 'big', handle: 'blog_db_1', createdBy: 'ann' })
  await store.databases.ready('blog-db')
  return app
}

const login = (app: string, user = 'blog_1') => ({
  ...{ user, password: `secret of ${user}`, database: 'blog-db', handle: 'blog_db_1', app },
})

async function serve(store: Store, app: string, attachments: readonly AttachmentReference[], group = 'cafe0001') {
  const { version } = await store.releases.create(anyRelease(app, attachments))
  await store.apps.serve(app, version, group)
}

const states = async (store: Store) => (await store.credentials.list()).map(({ user, state }) => `${user} ${state}`)

onBothStores((store) => {
  test('a database is noted as being created, and its name and what the server calls it are its own', async () => {
    await blogWithDatabase(store)
    expect(await store.databases.get('blog-db')).toMatchObject({ device: 'big', handle: 'blog_db_1', state: 'ready' })
    const again = store.databases.add({ name: 'blog-db', device: 'big', handle: 'other', createdBy: 'ann' })
    await expect(again).rejects.toMatchObject({
      code: 'conflict',
      message: 'There is already a database named blog-db.',
    })
    const nowhere = store.databases.add({ name: 'other', device: 'none', handle: 'other', createdBy: 'ann' })
    await expect(nowhere).rejects.toMatchObject({ code: 'not-found', message: 'There is no device named none.' })
    await expect(store.databases.get('blog-bd')).rejects.toMatchObject({ hint: 'Did you mean blog-db?' })
    expect(await store.databases.on('big')).toEqual(['blog-db'])
  })

  test('a release carries its attachments as they were', async () => {
    const { id } = await blogWithDatabase(store)
    const { version } = await store.releases.create(anyRelease(id, [reference]))
    expect((await store.releases.get(id, version))?.attachments).toEqual([reference])
  })

  test('attachments are saved all or none, each alias once', async () => {
    const { id } = await blogWithDatabase(store)
    await store.attachments.replace(id, [reference])
    const twice = store.attachments.replace(id, [reference, { ...reference, env: {} }])
    await expect(twice).rejects.toMatchObject({ code: 'conflict' })
    expect(await store.attachments.ofApp(id)).toEqual([{ app: id, ...reference }])
    await store.apps.destroy(id)
    expect(await store.attachments.list()).toEqual([])
  })

  test('a login that was granted is live with the switch, and what it takes the place of is to be revoked', async () => {
    const { id } = await blogWithDatabase(store)
    await store.credentials.add(login(id))
    await store.credentials.granted('blog_1', reach)
    await serve(store, id, [reference])
    expect(await store.credentials.ofApp(id)).toEqual([{ ...login(id), state: 'live', reach }])
    await store.credentials.add(login(id, 'blog_2'))
    await expect(store.credentials.add(login(id, 'blog_3'))).rejects.toMatchObject({ code: 'conflict' })
    // One that the server has not granted yet takes the place of nothing.
    await serve(store, id, [reference])
    expect(await states(store)).toEqual(['blog_1 live', 'blog_2 granting'])
    await store.credentials.granted('blog_2', reach)
    await serve(store, id, [reference])
    expect(await states(store)).toEqual(['blog_1 revoking', 'blog_2 live'])
    await serve(store, id, [])
    expect(await states(store)).toEqual(['blog_1 revoking', 'blog_2 revoking'])
    await store.credentials.remove('blog_1')
    expect(await states(store)).toEqual(['blog_2 revoking'])
  })

  test('a database is only condemned when no app is attached or has a login, and is gone with what was revoked', async () => {
    const { id } = await blogWithDatabase(store)
    await store.attachments.replace(id, [reference])
    expect(await store.databases.condemn('blog-db')).toBe(false)
    await store.attachments.replace(id, [])
    await store.credentials.add(login(id))
    expect(await store.databases.condemn('blog-db')).toBe(false)
    await store.credentials.withdraw(id)
    expect(await store.databases.condemn('blog-db')).toBe(true)
    await expect(store.credentials.add(login(id, 'blog_2'))).rejects.toMatchObject({ code: 'not-found' })
    await store.databases.remove('blog-db')
    expect([await store.databases.list(), await store.credentials.list()]).toEqual([[], []])
  })

  test('the logins of an app that is destroyed outlive it, to be revoked', async () => {
    const { id } = await blogWithDatabase(store)
    await store.credentials.add(login(id))
    await store.credentials.granted('blog_1', reach)
    await serve(store, id, [reference])
    await store.apps.destroy(id)
    expect(await states(store)).toEqual(['blog_1 revoking'])
  })

  test('content is switched in one step, with the logins that are there', async () => {
    const { id } = await blogWithDatabase(store)
    await store.databases.addScratch('big', 'scratch_1')
    await store.databases.intend('scratch_1', 'blog-db')
    expect(await store.databases.condemn('blog-db')).toBe(false)
    await store.credentials.add(login(id))
    await store.credentials.granted('blog_1', reach)
    await serve(store, id, [reference])
    await store.credentials.add({ ...login(id, 'blog_2'), handle: 'scratch_1' })
    await store.credentials.granted('blog_2', reach)
    await serve(store, id, [reference])
    await store.databases.switchTo(await store.databases.get('blog-db'), 'scratch_1', 'blog-db-before')
    expect((await store.databases.list()).map(({ name, handle }) => `${name} ${handle}`)).toEqual([
      'blog-db scratch_1',
      'blog-db-before blog_db_1',
    ])
    expect((await store.credentials.list()).map(({ user, database }) => `${user} ${database}`)).toEqual([
      'blog_1 blog-db-before',
      'blog_2 blog-db',
    ])
    expect(await store.databases.scratches()).toEqual([])
  })

  test('what a dead kernel had begun is to be undone', async () => {
    const { id } = await blogWithDatabase(store)
    await store.databases.add({ name: 'new', device: 'big', handle: 'new_1', createdBy: 'ann' })
    await store.credentials.add(login(id))
    await store.databases.addScratch('big', 'scratch_1')
    await store.databases.interruptAll()
    expect((await store.databases.list()).map(({ state }) => state)).toEqual(['ready', 'destroying'])
    expect(await states(store)).toEqual(['blog_1 revoking'])
    expect(await store.databases.scratches()).toEqual([
      { device: 'big', handle: 'scratch_1', replaces: null, abandoned: true },
    ])
  })

  test('passwords are sealed: no backup of the store shows them', async () => {
    const { id } = await blogWithDatabase(store)
    await store.credentials.add(login(id))
    expect((await store.credentials.list())[0]?.password).toBe('secret of blog_1')
    const { mkdtemp, readFile, rm } = await import('node:fs/promises')
    const folder = await mkdtemp('/tmp/mp-sealed-')
    await store.backup(`${folder}/copy`)
    expect(await readFile(`${folder}/copy`, 'latin1')).not.toContain('secret of blog_1')
    await rm(folder, { recursive: true })
  })
})
