/** What the store promises of volumes, on both databases. */
import { expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import type { Volume, VolumeAttachment } from '../domain/volume.ts'
import type { Store } from './store.ts'
import { onBothStores } from './stores-for-test.ts'

const readWrite = {
  path: null,
  readOnly: false,
  exclusive: false,
  process: null,
  state: 'attached',
  since: null,
} as const

onBothStores((store) => {
  const add = (name: string, path: string | null = null) => make(store, name, path)
  const to = (app: App, volume: Volume, changes: Partial<VolumeAttachment> = {}): VolumeAttachment => ({
    ...{ app: app.id, volume: volume.id, name: volume.name, ...readWrite },
    ...changes,
  })
  const both = async () => [await store.apps.create('blog', 'ann'), await store.apps.create('shop', 'ann')] as const

  test('a volume is found by its name, and an unknown name is answered with the nearest one', async () => {
    const volume = await add('uploads')
    expect(volume).toMatchObject({ name: 'uploads', device: 'disk', path: null, state: 'ready', createdBy: 'ann' })
    expect(await store.volumes.get('uploads')).toEqual(volume)
    expect(await store.volumes.list()).toEqual([volume])
    await expect(store.volumes.get('uplaods')).rejects.toMatchObject({ hint: 'Did you mean uploads?' })
    await expect(add('uploads')).rejects.toThrow('There is already a volume named uploads.')
  })

  test('two volumes are never in one directory, nor one in the other, and the refusal names who is there', async () => {
    await add('uploads', '/srv/uploads')
    for (const path of ['/srv/uploads', '/srv/uploads/old', '/srv'])
      await expect(add('more', path)).rejects.toThrow(
        `${path} is in the way of the volume uploads, which is /srv/uploads.`,
      )
    await add('more', '/srv/uploads2')
    await add('placed')
    await add('placed-too')
  })

  test('a volume that an archive is in is not destroyed, and the archive is named', async () => {
    const vault = await add('vault')
    const archive = { name: 'safe', driver: 'volume', class: 'archive', node: 'local', as: 'adopted' } as const
    await store.devices.add({ ...archive, version: null, state: 'ready', settings: { volume: 'vault' } })
    await expect(store.volumes.retire(vault)).rejects.toMatchObject({
      code: 'conflict',
      message: 'vault is what the archive safe keeps its backups in.',
      hint: expect.stringContaining('devices:remove safe'),
    })
    await store.devices.remove('safe')
    await store.volumes.retire(vault)
  })

  test('a volume that apps have is not destroyed, and they are named; one that is being destroyed is not attached', async () => {
    const [blog, shop] = await both()
    const uploads = await add('uploads')
    await store.volumes.attach(to(blog, uploads))
    await store.volumes.attach(to(shop, uploads))
    await expect(store.volumes.retire(uploads)).rejects.toMatchObject({
      code: 'conflict',
      message: 'uploads is attached to blog, shop.',
      hint: 'Detach it first: volumes:detach blog uploads',
    })
    expect(await store.volumes.detach(blog.id, uploads.id)).toBe(true)
    expect(await store.volumes.detach(blog.id, uploads.id)).toBe(false)
    await store.apps.destroy(shop.id)
    await store.volumes.retire(uploads)
    await expect(store.volumes.attach(to(blog, uploads))).rejects.toMatchObject({ code: 'not-found' })
    await store.volumes.forget(uploads.id)
    await expect(store.volumes.retire(uploads)).rejects.toMatchObject({ code: 'not-found' })
  })

  test('an app has one thing under a name and at a path, and one place for a volume', async () => {
    const [blog, shop] = await both()
    const [uploads, cache] = [await add('uploads'), await add('cache')]
    await store.volumes.attach(to(blog, uploads, { path: '/data' }))
    const attach = (changes: Partial<VolumeAttachment>) => store.volumes.attach(to(blog, cache, changes))
    await expect(attach({ name: 'uploads' })).rejects.toThrow(
      'The name uploads of this app is the volume uploads already.',
    )
    await expect(attach({ path: '/data' })).rejects.toThrow('/data of this app is the volume uploads already.')
    await expect(store.volumes.attach(to(blog, uploads, { name: 'other' }))).rejects.toThrow(
      'uploads is attached to this app already, at /data.',
    )
    await store.volumes.attach(to(shop, cache, { name: 'uploads', path: '/data' }))
    const [one] = await store.volumes.attachments({ app: blog.id })
    expect(one).toEqual(to(blog, uploads, { path: '/data' }))
    expect(await store.volumes.attachments({ volume: cache.id })).toHaveLength(1)
    expect(await store.volumes.attachments()).toHaveLength(2)
  })

  test('an exclusive volume never gets a second writer, whoever comes first, and any number of readers', async () => {
    const [blog, shop] = await both()
    const [uploads, cache] = [await add('uploads'), await add('cache')]
    await store.volumes.attach(to(blog, uploads, { exclusive: true }))
    await expect(store.volumes.attach(to(shop, uploads))).rejects.toThrow('blog has it for itself')
    await store.volumes.attach(to(shop, uploads, { readOnly: true }))
    await store.volumes.attach(to(blog, cache))
    await expect(store.volumes.attach(to(shop, cache, { exclusive: true }))).rejects.toThrow('blog writes to it')
  })

  test('of two that want to be the only writer at once, one is', async () => {
    const third = await add('third')
    const race = (await both()).map((app) => store.volumes.attach(to(app, third, { exclusive: true })))
    expect((await Promise.allSettled(race)).map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('names that are more than one plain component are refused by the table itself', async () => {
    const [blog] = await both()
    const uploads = await add('uploads')
    for (const name of ['kernel.sock', '..', 'a/b', '', 'ü', '-a', 'x'.repeat(64), 'a\n'])
      await expect(store.volumes.attach(to(blog, uploads, { name })), name).rejects.toThrow()
    for (const name of ['..', 'A', 'a/b', 'a--b', 'x'.repeat(41)]) await expect(add(name), name).rejects.toThrow()
  })

  test('a filled one takes the place of another with its name and its apps', async () => {
    const [blog] = await both()
    const uploads = await add('uploads')
    await store.volumes.attach(to(blog, uploads, { readOnly: true }))
    const filled = await store.volumes.add({
      name: 'scratch-1',
      device: 'disk',
      path: null,
      state: 'scratch',
      createdBy: '',
    })
    await store.volumes.replace(uploads, filled, 'uploads-before')
    expect((await store.volumes.get('uploads')).id).toBe(filled.id)
    expect((await store.volumes.get('uploads-before')).id).toBe(uploads.id)
    expect(await store.volumes.attachment(blog.id, filled.id)).toMatchObject({ name: 'uploads', readOnly: true })
  })

  test('one that is still being made, or filled, is not destroyed under the hands of its maker', async () => {
    await add('ready')
    for (const state of ['creating', 'scratch'] as const) {
      const one = await store.volumes.add({ name: state, device: 'disk', path: null, state, createdBy: 'ann' })
      await expect(store.volumes.retire(one)).rejects.toMatchObject({ code: 'not-found' })
      expect((await store.volumes.get(state)).state).toBe(state)
    }
  })

  test('a state moves only from the one that it is in', async () => {
    const [blog] = await both()
    const uploads = await add('uploads')
    await store.volumes.attach(to(blog, uploads, { state: 'attaching', since: '0a1b2c3d' }))
    expect(await store.volumes.settle(blog.id, uploads.id, 'detaching', 'attached')).toBe(false)
    expect(await store.volumes.settle(blog.id, uploads.id, 'attaching', 'attached')).toBe(true)
    expect(await store.volumes.attachment(blog.id, uploads.id)).toMatchObject({ state: 'attached', since: null })
    expect(await store.volumes.move(uploads.id, 'creating', 'ready')).toBe(false)
  })
})

async function make(store: Store, name: string, path: string | null): Promise<Volume> {
  const device = { name: 'disk', driver: 'directory', class: 'storage', node: 'local' } as const
  if (!(await store.devices.list()).some((one) => one.name === device.name))
    await store.devices.add({ ...device, as: 'built-in', version: null, state: 'ready', settings: {} })
  return store.volumes.add({ name, device: device.name, path, state: 'ready', createdBy: 'ann' })
}
