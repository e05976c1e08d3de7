import { existsSync } from 'node:fs'
import { mkdir, rmdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { folderName, parseFolderName, type Tenant } from '../domain/group.ts'
import { createGroups } from './groups.ts'
import { sharedMount } from './mounts-for-test.ts'

const web = { app: '0a1b2c3d', group: 'deadbeef', process: 'web' }
const folders = await sharedMount()
let problems: string[] = []
beforeEach(() => {
  problems = []
})
afterEach(async () => {
  const groups = opened()
  await groups.open([])
  for (const one of groups.of()) await groups.release(one)
})
afterAll(() => folders.close())

function opened() {
  const error = (event: string, cause: unknown) => void problems.push(`${event}: ${cause}`)
  return createGroups({ folder: folders.folder, log: { info() {}, warn() {}, error } })
}

test('a folder says by its name whose it is', () => {
  expect(parseFolderName(folderName(web))).toEqual(web)
  for (const name of ['0a1b2c3d.deadbeef', '../x', '0a1b2c3d.deadbeef.', '0a1b2c3d.deadbeef.we/b', 'lost+found'])
    expect(parseFolderName(name)).toBeNull()
})

test('a container gets the folder of its process type, read-only, and what tenants give it', async () => {
  const groups = opened()
  const data = { source: '/srv/data', target: '/data', readOnly: false, propagation: 'rprivate' } as const
  await groups.open([tenant({ enter: async () => [data] })])
  const path = join(folders.folder, folderName(web))
  const base = { source: path, target: '/megapolos', readOnly: true, propagation: 'rslave' }
  expect(await groups.prepare(web)).toEqual([base, data])
  expect(await groups.prepare(web)).toEqual([base, data])
  expect((await stat(path)).mode & 0o777).toBe(0o755)
  expect(groups.of('0a1b2c3d')).toEqual([web])
  expect(groups.of('ffffffff')).toEqual([])
  await groups.release(web)
  await groups.release(web)
  expect(existsSync(path)).toBe(false)
  expect(groups.of()).toEqual([])
  expect(problems).toEqual([])
})

test('a kernel that starts again takes over the folders that are there, and leaves what else is there alone', async () => {
  await opened().prepare(web)
  await mkdir(join(folders.folder, 'lost+found'))
  const entered: string[] = []
  const next = opened()
  const enter: Tenant['enter'] = async (one) => {
    entered.push(folderName(one))
    return []
  }
  await next.open([tenant({ enter })])
  expect(entered).toEqual([folderName(web)])
  expect(next.of()).toEqual([web])
})

test('a folder in which something is mounted is never removed, and is tried again', async () => {
  const groups = opened()
  await groups.prepare(web)
  const point = join(folders.folder, folderName(web), 'uploads')
  await mkdir(point)
  await folders.mount('-t', 'tmpfs', 'none', point)
  await writeFile(join(point, 'kept'), 'yes')
  await groups.release(web)
  expect(problems.join()).toMatch(/^mounts.not-released: Error: ENOTEMPTY/)
  expect(existsSync(join(point, 'kept'))).toBe(true)
  expect(groups.of()).toEqual([web])
  await folders.unmount(point)
  await groups.open([tenant({ leave: (_, folder) => rmdir(join(folder, 'uploads')) })])
  await groups.release(web)
  expect(groups.of()).toEqual([])
})

test('a tenant that cannot leave keeps the folder; one that cannot enter keeps the container from being made', async () => {
  const groups = opened()
  const busy = async () => {
    throw new Error('busy')
  }
  await groups.open([tenant({ leave: busy })])
  await groups.prepare(web)
  await groups.release(web)
  expect(groups.of()).toEqual([web])
  await groups.open([tenant({ enter: busy })])
  await expect(groups.prepare(web)).rejects.toThrow('busy')
  await groups.open([])
})

function tenant(changes: Partial<Tenant>): Tenant {
  return { enter: async () => [], leave: async () => {}, ...changes }
}
