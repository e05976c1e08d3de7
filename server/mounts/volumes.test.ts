/** Volumes with everything real but the containers: the store, the driver, the mounts and the folders of groups. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { createDriver } from '../../drivers/directory/index.ts'
import type { App } from '../domain/app.ts'
import { folderName } from '../domain/group.ts'
import type { Volume, VolumeAttachment } from '../domain/volume.ts'
import { startStore } from '../state/stores-for-test.ts'
import { createGroups } from './groups.ts'
import { mounterProgram } from './mounter.ts'
import { sharedMount } from './mounts-for-test.ts'
import { createVolumes } from './volumes.ts'

const shared = await sharedMount()
const { store, folder, stop } = await startStore('sqlite')
const problems: string[] = []
const log = { info() {}, warn() {}, error: (event: string, cause: unknown) => void problems.push(`${event}: ${cause}`) }
const paths = { mounts: shared.folder, mountOrders: join(folder, 'state/mounts') }
const driver = createDriver({ folder: join(folder, 'volumes'), settings: {} })
const outside = await mkdtemp(join(tmpdir(), 'mp-outside-'))

/** A kernel on the same state, mounts and disk. */
async function kernel() {
  const groups = createGroups({ folder: shared.folder, log })
  const storage = { device: 'directory', driver: async () => driver }
  const volumes = createVolumes({ store, storage, groups, paths, own: async () => [folder], log })
  await volumes.recover()
  await groups.open([volumes])
  return { groups, volumes }
}

let { groups, volumes } = await kernel()
let blog: App
let uploads: Volume
const web = (app: App, group = '0000000a', process = 'web') => ({ app: app.id, group, process })
const seen = (one: Parameters<typeof folderName>[0], ...path: string[]) => join(shared.folder, folderName(one), ...path)
const to = (app: App, volume: Volume, changes: Partial<VolumeAttachment> = {}): VolumeAttachment => ({
  ...{ app: app.id, volume: volume.id, name: volume.name, path: null, readOnly: false, exclusive: false },
  ...{ process: null, state: 'attached', since: null },
  ...changes,
})

beforeEach(async () => {
  for (const one of groups.of()) await groups.release(one)
  for (const app of await store.apps.list()) await store.apps.destroy(app.id)
  for (const volume of await store.volumes.list()) await volumes.destroy(volume)
  const device = { name: 'directory', driver: 'directory', class: 'storage', node: 'local' } as const
  if ((await store.devices.list()).length === 0)
    await store.devices.add({ ...device, as: 'built-in', version: null, state: 'ready', settings: {} })
  blog = await store.apps.create('blog', 'ann')
  uploads = await volumes.create('uploads', null, 'ann')
  await writeFile(join(await volumes.open(uploads), 'hello'), 'hello')
  problems.length = 0
})
afterAll(async () => {
  await shared.close()
  await stop()
  await rm(outside, { recursive: true })
})

test('attached to a running app it is in the folders of all its groups, and in every new one before it starts', async () => {
  const [old, next] = [web(blog), web(blog, '0000000b')]
  await groups.prepare(old)
  await groups.prepare(next)
  await volumes.attach(to(blog, uploads))
  const later = web(blog, '0000000c', 'worker')
  await groups.prepare(later)
  for (const one of [old, next, later]) expect(await readFile(seen(one, 'uploads/hello'), 'utf8')).toBe('hello')
  await volumes.detach(to(blog, uploads), false)
  for (const one of [old, next, later]) expect(await readdir(seen(one))).toEqual([])
  expect(await store.volumes.attachments()).toEqual([])
})

test('a group that is prepared while a volume is attached has it, whoever is first', async () => {
  for (let turn = 0; turn < 20; turn++) {
    const one = web(blog, `000000${turn + 10}`)
    await Promise.all(
      turn % 2
        ? [volumes.attach(to(blog, uploads)), groups.prepare(one)]
        : [groups.prepare(one), volumes.attach(to(blog, uploads))],
    )
    expect(existsSync(seen(one, 'uploads/hello'))).toBe(true)
    await volumes.detach(to(blog, uploads), false)
    await groups.release(one)
  }
})

test('only the process type that it is for gets it, and only for reading what is read-only', async () => {
  const [one, worker] = [web(blog), web(blog, '0000000a', 'worker')]
  await groups.prepare(one)
  await groups.prepare(worker)
  await volumes.attach(to(blog, uploads, { process: 'worker', readOnly: true, name: 'files' }))
  expect(await readdir(seen(one))).toEqual([])
  await expect(writeFile(seen(worker, 'files/new'), '')).rejects.toMatchObject({ code: 'EROFS' })
})

test('a volume that cannot be mounted is attached nowhere, and not in the store', async () => {
  await groups.prepare(web(blog))
  await rm(await volumes.open(uploads), { recursive: true })
  await expect(volumes.attach(to(blog, uploads))).rejects.toMatchObject({ code: 'unavailable' })
  expect(await store.volumes.attachments()).toEqual([])
  expect(await readdir(seen(web(blog)))).toEqual([])
})

test('one that is in use in one of two groups stays in both', async () => {
  const [old, next] = [web(blog), web(blog, '0000000b')]
  await groups.prepare(old)
  await groups.prepare(next)
  await volumes.attach(to(blog, uploads))
  const user = await open(seen(next, 'uploads/hello'))
  await expect(volumes.detach(to(blog, uploads), false)).rejects.toMatchObject({ code: 'conflict' })
  for (const one of [old, next]) expect(existsSync(seen(one, 'uploads/hello'))).toBe(true)
  expect(await store.volumes.attachments()).toHaveLength(1)
  await volumes.detach(to(blog, uploads), true)
  for (const one of [old, next]) expect(await readdir(seen(one))).toEqual([])
  expect((await user.readFile()).toString()).toBe('hello')
  await user.close()
})

test('a kernel that starts again makes good what is missing, too much or otherwise than the rows say', async () => {
  const one = web(blog)
  await groups.prepare(one)
  const cache = await volumes.create('cache', null, 'ann')
  await volumes.attach(to(blog, uploads))
  await volumes.attach(to(blog, cache, { name: 'tmp' }))
  await shared.unmount(seen(one, 'uploads'))
  await store.volumes.detach(blog.id, cache.id)
  ;({ groups, volumes } = await kernel())
  expect(await readdir(seen(one))).toEqual(['uploads'])
  await store.volumes.detach(blog.id, uploads.id)
  await store.volumes.attach(to(blog, uploads, { readOnly: true }))
  ;({ groups, volumes } = await kernel())
  await expect(writeFile(seen(one, 'uploads/new'), '')).rejects.toMatchObject({ code: 'EROFS' })
  expect(problems).toEqual([])
})

test('after a boot the kept orders alone bring back every mount', async () => {
  const [one, worker] = [web(blog), web(blog, '0000000a', 'worker')]
  for (const each of [one, worker]) await groups.prepare(each)
  await volumes.attach(to(blog, uploads, { readOnly: true }))
  for (const each of [one, worker]) await shared.unmount(seen(each, 'uploads'))
  for (const file of await readdir(paths.mountOrders)) {
    const child = promisify(execFile)('perl', [mounterProgram])
    child.child.stdin?.end(await readFile(join(paths.mountOrders, file)))
    expect((await child).stdout).toBe('ok\n')
  }
  for (const each of [one, worker]) {
    expect(await readFile(seen(each, 'uploads/hello'), 'utf8')).toBe('hello')
    await expect(writeFile(seen(each, 'uploads/new'), '')).rejects.toMatchObject({ code: 'EROFS' })
  }
  await groups.release(one)
  expect(await readdir(paths.mountOrders)).toEqual([`${folderName(worker)}.orders`])
})

test('an exclusive volume goes to the group that is prepared, unless the one before still writes; never to both', async () => {
  const [old, next] = [web(blog), web(blog, '0000000b')]
  await groups.prepare(old)
  await volumes.attach(to(blog, uploads, { exclusive: true, process: 'web' }))
  const writer = await open(seen(old, 'uploads/hello'))
  await expect(groups.prepare(next)).rejects.toMatchObject({ code: 'conflict' })
  expect(await readdir(seen(next))).toEqual([])
  await writer.close()
  await groups.prepare(next)
  expect([await readdir(seen(old)), await readdir(seen(next))]).toEqual([[], ['uploads']])
  ;({ groups, volumes } = await kernel())
  await volumes.follow(blog.id)
  expect([await readdir(seen(old)), await readdir(seen(next))]).toEqual([[], ['uploads']])
  expect(await readdir(paths.mountOrders)).toEqual([`${folderName(next)}.orders`])
  await groups.prepare(old)
  expect([await readdir(seen(old)), await readdir(seen(next))]).toEqual([['uploads'], []])
})

test('at a path of its own it comes with the container, and until its rollout has ended it is settled by what serves', async () => {
  const at = (changes: Partial<VolumeAttachment>) => to(blog, uploads, { path: '/data', ...changes })
  await store.volumes.attach(at({ state: 'attaching', since: null }))
  const mount = { source: await volumes.open(uploads), target: '/data', readOnly: false, propagation: 'rprivate' }
  expect(await groups.prepare(web(blog))).toContainEqual(mount)
  await volumes.recover()
  expect(await store.volumes.attachments()).toEqual([])
  await store.volumes.attach(at({ state: 'attaching', since: '0000000f' }))
  await volumes.recover()
  expect(await store.volumes.attachments()).toEqual([at({})])
  await store.volumes.settle(blog.id, uploads.id, 'attached', 'detaching', '0000000f')
  expect(await groups.prepare(web(blog))).not.toContainEqual(mount)
  await volumes.recover()
  expect(await store.volumes.attachments()).toEqual([])
})

test('a directory of the system, of this installation, or behind a link is no volume', async () => {
  await symlink('/etc', join(outside, 'link'))
  const system = [
    '/',
    '/etc',
    '/etc/ssl',
    '/usr',
    '/boot',
    '/proc',
    '/sys',
    '/dev',
    '/run',
    '/var',
    '/var/lib',
    '/var/lib/docker',
  ]
  const own = [folder, join(folder, 'volumes'), tmpdir()]
  for (const path of [...system, ...own, join(outside, 'link'), 'srv', '/srv/../etc', '/srv//x', `/${'x'.repeat(600)}`])
    await expect(volumes.create('static', path, 'ann'), path).rejects.toMatchObject({ code: 'usage' })
  await expect(volumes.create('static', '/srv/not-there', 'ann')).rejects.toMatchObject({ code: 'not-found' })
  expect(await store.volumes.find('static')).toBeNull()
})

test('what a dead kernel left half-made or half-destroyed is gone after the next start', async () => {
  await store.volumes.retire(uploads)
  const half = await store.volumes.add({ ...uploads, name: 'half', path: null, state: 'creating' })
  await driver.create(half)
  await volumes.scratch()
  ;({ groups, volumes } = await kernel())
  expect(await store.volumes.list()).toEqual([])
  expect(await readdir(join(folder, 'volumes'))).toEqual([])
})

test('one whose content is lost is given to no container, and nothing is kept of it once it is filled', async () => {
  const lost = { ...uploads, lost: true }
  await expect(volumes.open(lost)).rejects.toMatchObject({ hint: expect.stringContaining('backups:restore-all') })
  const scratch = await volumes.scratch()
  await writeFile(join(scratch.folder, 'hello'), 'restored')
  expect(await scratch.replace(lost)).toEqual({ kept: null })
  expect((await store.volumes.list()).map(({ name }) => name)).toEqual(['uploads'])
  expect(await readFile(join(await volumes.open(await store.volumes.get('uploads')), 'hello'), 'utf8')).toBe('restored')
})

test('a filled one takes the place of a volume in the apps that have it, while they run', async () => {
  await groups.prepare(web(blog))
  await volumes.attach(to(blog, uploads, { readOnly: true }))
  const scratch = await volumes.scratch()
  await writeFile(join(scratch.folder, 'hello'), 'restored')
  const { kept } = await scratch.replace(uploads)
  await scratch.drop()
  expect(await readFile(seen(web(blog), 'uploads/hello'), 'utf8')).toBe('restored')
  await expect(writeFile(seen(web(blog), 'uploads/new'), '')).rejects.toMatchObject({ code: 'EROFS' })
  expect(kept).toMatch(/^uploads-before-\d{8}-\d{6}$/)
  expect(await readFile(join(await volumes.open(await store.volumes.get(kept ?? '')), 'hello'), 'utf8')).toBe('hello')
})
