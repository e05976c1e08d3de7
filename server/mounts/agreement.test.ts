/**
 * Whatever people do with volumes, in whatever order, and whenever the kernel dies: the rows, what is mounted and what is on
 * the disk say the same. Everything is real but the containers, whose folders are prepared and released as rollouts do it.
 */
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { createDriver } from '../../drivers/directory/index.ts'
import { folderName, type GroupProcess } from '../domain/group.ts'
import { UserError } from '../errors.ts'
import { startStore } from '../state/stores-for-test.ts'
import { createGroups } from './groups.ts'
import { createMounter } from './mounter.ts'
import { sharedMount } from './mounts-for-test.ts'
import { createVolumes, type Volumes } from './volumes.ts'

const shared = await sharedMount()
const { store, folder, stop } = await startStore('sqlite')
const log = { info() {}, warn() {}, error() {} }
const paths = { mounts: shared.folder, mountOrders: join(folder, 'state/mounts') }
const root = join(folder, 'volumes')
const storage = { device: 'directory', driver: async () => createDriver({ folder: root, settings: {} }) }
const look = createMounter()
afterAll(async () => {
  await shared.close()
  await stop()
})

async function kernel() {
  const groups = createGroups({ folder: shared.folder, log })
  const volumes = createVolumes({ store, storage, groups, paths, own: async () => [], log })
  await volumes.recover()
  await groups.open([volumes])
  return { groups, volumes }
}

const apps = fc.constantFrom('blog', 'shop')
const names = fc.constantFrom('a', 'b', 'c')
const deed = fc.oneof(
  fc.record({ do: fc.constant('create' as const), volume: names }),
  fc.record({ do: fc.constant('destroy' as const), volume: names }),
  fc.record({
    ...{ do: fc.constant('attach' as const), app: apps, volume: names, as: fc.constantFrom('a', 'b', 'kernel.sock') },
    ...{ readOnly: fc.boolean(), process: fc.constantFrom(null, 'web', 'worker') },
  }),
  fc.record({ do: fc.constant('detach' as const), app: apps, volume: names, lazy: fc.boolean() }),
  fc.record({
    ...{ do: fc.constantFrom('start' as const, 'end' as const), app: apps },
    ...{ group: fc.constantFrom('0000000a', '0000000b'), process: fc.constantFrom('web', 'worker') },
  }),
  fc.record({ do: fc.constantFrom('restart' as const, 'boot' as const, 'destroy-app' as const), app: apps }),
)
type Deed = typeof deed extends fc.Arbitrary<infer T> ? T : never
type Of<D extends Deed['do']> = Extract<Deed, { do: D }>

test('rows, mounts, kept orders and directories agree after every sequence of deeds', {
  timeout: 120_000,
}, async () => {
  const device = { name: 'directory', driver: 'directory', class: 'storage', node: 'local' } as const
  await store.devices.add({ ...device, as: 'built-in', version: null, state: 'ready', settings: {} })
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { minLength: 5, maxLength: 25 }), async (deeds) => {
      let house = await kernel()
      await empty(house)
      for (const name of ['blog', 'shop']) await store.apps.create(name, 'ann')
      // Two at a time: what one finds half-done of the other must not matter.
      for (let n = 0; n < deeds.length; n += 2) {
        const pair = deeds.slice(n, n + 2)
        const death = pair.find((one) => one.do === 'restart' || one.do === 'boot')
        await Promise.all(pair.map((one) => act(house, one).catch(unlessTold)))
        if (death?.do === 'boot') await unmountAll()
        if (death) {
          house.volumes.close()
          house = await kernel()
        }
        await agree(house)
      }
      house.volumes.close()
    }),
    { numRuns: 40 },
  )
})

async function empty({ groups, volumes }: Awaited<ReturnType<typeof kernel>>): Promise<void> {
  for (const one of groups.of()) await groups.release(one)
  for (const app of await store.apps.list()) await store.apps.destroy(app.id)
  for (const volume of await store.volumes.list()) await volumes.destroy(volume)
  for (const left of await readdir(root).catch(() => [])) await rm(join(root, left), { recursive: true })
}

async function act({ groups, volumes }: Awaited<ReturnType<typeof kernel>>, one: Deed): Promise<void> {
  if (one.do === 'create') return void (await volumes.create(one.volume, null, 'ann'))
  if (one.do === 'destroy') return volumes.destroy(await store.volumes.get(one.volume))
  if (one.do === 'attach' || one.do === 'detach') return handle(volumes, one)
  if (one.do === 'restart' || one.do === 'boot') return
  const app = (await store.apps.get(one.app)).id
  if (!('group' in one)) {
    for (const each of groups.of(app)) await groups.release(each)
    await store.apps.destroy(app)
    return void (await store.apps.create(one.app, 'ann'))
  }
  const { group, process } = one
  if (one.do === 'start') await groups.prepare({ app, group, process })
  else await groups.release({ app, group, process })
}

async function handle(volumes: Volumes, one: Of<'attach'> | Of<'detach'>): Promise<void> {
  const app = (await store.apps.get(one.app)).id
  const volume = (await store.volumes.get(one.volume)).id
  if (one.do === 'attach') {
    const rest = { path: null, exclusive: false, state: 'attached', since: null } as const
    return volumes.attach({ app, volume, name: one.as, readOnly: one.readOnly, process: one.process, ...rest })
  }
  const row = await store.volumes.attachment(app, volume)
  if (row) await volumes.detach(row, one.lazy)
}

async function agree({ groups }: Awaited<ReturnType<typeof kernel>>): Promise<void> {
  const volumes = await store.volumes.list()
  expect((await readdir(root).catch(() => [])).sort()).toEqual(volumes.map(({ id }) => id).sort())
  for (const one of groups.of()) {
    const rows = (await store.volumes.attachments({ app: one.app })).filter(
      (row) => row.process === null || row.process === one.process,
    )
    const wanted = rows.map((row) => row.name).sort()
    const path = join(shared.folder, folderName(one))
    expect((await look.mounted(path)).sort(), path).toEqual(wanted)
    expect((await readdir(path)).sort()).toEqual(wanted)
    for (const { name, volume, readOnly } of rows) {
      expect((await stat(join(path, name))).ino).toBe((await stat(join(root, volume))).ino)
      expect(await accessOf(join(path, name))).toBe(readOnly ? 'ro' : 'rw')
    }
  }
  const kept = (await readdir(paths.mountOrders).catch(() => [])).map((file) => basename(file, '.orders'))
  const known = new Set(groups.of().map((one: GroupProcess) => folderName(one)))
  expect(kept.filter((name) => !known.has(name))).toEqual([])
}

async function accessOf(point: string): Promise<string | undefined> {
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').map((line) => line.split(' '))
  return lines.find((words) => words[4] === point)?.[5]?.slice(0, 2)
}

async function unmountAll(): Promise<void> {
  for (const name of await readdir(shared.folder)) await look.clear(join(shared.folder, name))
}

/** Refusals are part of the game; the table's own are those that no command lets through. */
function unlessTold(error: unknown): void {
  if (!(error instanceof UserError) && !/constraint failed/.test(String(error))) throw error
}
