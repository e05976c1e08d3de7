/** What containers find at `/megapolos`, on the real engine and a real shared mount. */
import { execFile } from 'node:child_process'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { App } from '../domain/app.ts'
import type { Tenant } from '../domain/group.ts'
import { createGroups } from '../mounts/groups.ts'
import { sharedMount } from '../mounts/mounts-for-test.ts'
import type { Rollout } from './rollout.ts'
import { formation, type House, testHouse, testJob, until } from './test-house.ts'

let house: House
let shared: Awaited<ReturnType<typeof sharedMount>>
let rollout: Rollout
let app: App
const folders = () => readdir(shared.folder).then((names) => names.sort())
const inside = async (id: string, command: string) =>
  (await promisify(execFile)('docker', ['exec', id, 'sh', '-c', command])).stdout

/** Puts a note into each folder, as the app's socket and volumes are. */
const tenant: Tenant = {
  async enter({ process }, folder) {
    await writeFile(join(folder, 'note'), process)
    return []
  },
  leave: async (_, folder) => promisify(execFile)('rm', ['-f', join(folder, 'note')]).then(() => {}),
}

async function fresh(): Promise<Rollout> {
  const error = (event: string, cause: unknown) => void house.problems.push(`${event}: ${cause}`)
  const groups = createGroups({ folder: shared.folder, log: { info() {}, warn() {}, error } })
  await groups.open([tenant])
  return house.fresh({ groups })
}

beforeAll(async () => {
  shared = await sharedMount()
  house = await testHouse('tfold', '10.95.0.0/16')
  rollout = await fresh()
  app = await house.app('blog')
})
afterAll(async () => {
  await house?.close()
  await shared?.close()
})

test('each process type of a group has a folder, as long as a container of it is there', async () => {
  await rollout.deploy(app, await house.release(app), formation(2, 1), testJob().job)
  const first = (await house.current(app)).group
  expect(await folders()).toEqual([`${app.id}.${first}.web`, `${app.id}.${first}.worker`])
  const [web] = (await house.engine.list(app.id)).filter(({ process }) => process === 'web')
  expect(await inside(web?.id ?? '', 'cat /megapolos/note')).toBe('web')
  await expect(inside(web?.id ?? '', 'echo mine > /megapolos/note')).rejects.toThrow('Read-only file system')

  await rollout.deploy(await house.current(app), await house.release(app), formation(1), testJob().job)
  const second = (await house.current(app)).group
  await until(async () => (await folders()).join() === `${app.id}.${second}.web`, 60_000)
})

test('a mount below the folder appears in the container that runs, writable although the folder is not', async () => {
  const [name = ''] = await folders()
  const [web] = await house.engine.list(app.id)
  const point = join(shared.folder, name, 'uploads')
  await mkdir(point)
  await shared.mount('-t', 'tmpfs', '-o', 'mode=777', 'none', point)
  await inside(web?.id ?? '', 'echo mine > /megapolos/uploads/file')
  expect(await readdir(point)).toEqual(['file'])
  await shared.unmount(point)
  expect(await inside(web?.id ?? '', 'echo /megapolos/uploads/*')).toBe('/megapolos/uploads/*\n')
  await promisify(execFile)('rmdir', [point])
})

test('a one-off container has its own while it runs, whatever happens to the app meanwhile', async () => {
  const release = await house.store.releases.get(app.id, 2)
  if (!release) throw new Error('no release')
  const session = await rollout.oneOff.run(app, release, { command: ['sleep', '60'], tty: false })
  const own = async () => (await folders()).filter((name) => name.endsWith('.run'))
  await rollout.reconcile(app.id)
  expect(await own()).toHaveLength(1)
  await session.kill()
  expect(await own()).toEqual([])
})

test('folders that a dead kernel left go when the next one starts, and those in use stay', async () => {
  const [inUse = ''] = await folders()
  for (const name of [`${app.id}.0badbeef.web`, 'ffffffff.0badbeef.web']) await mkdir(join(shared.folder, name))
  const closing = new AbortController()
  const watching = (await fresh()).watch(closing.signal)
  await until(async () => (await folders()).join() === inUse, 20_000)
  closing.abort()
  await watching
})

test('none is left of an app that is destroyed, nor of a deploy that is refused', async () => {
  const [before] = await folders()
  const broken = await house.release(app, { MODE: 'exit' })
  await expect(rollout.deploy(await house.current(app), broken, formation(1), testJob().job)).rejects.toThrow()
  await until(async () => (await folders()).join() === before)
  await rollout.destroy(await house.current(app), testJob().job)
  expect(await folders()).toEqual([])
  expect(house.problems).toEqual([])
})
