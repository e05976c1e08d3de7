/** What every storage must do, with nothing but asserts: for tests here, and for `drivers:test`. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { lstat, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StorageDriver, StoredVolume } from '../../server/devices/classes/storage.ts'
import type { Promises } from './promises.ts'

export interface StorageUnderTest {
  readonly driver: StorageDriver
  /** The same device for a kernel that has just started. */
  again(): StorageDriver | Promise<StorageDriver>
  remove(): Promise<void>
}

const mebibyte = 1024 * 1024

export const storagePromises: Promises<StorageUnderTest> = {
  'a volume is an empty directory that user 1000 may write in': ({ driver }) =>
    withVolume(driver, async (_, directory) => {
      const { uid, gid, mode } = await lstat(directory)
      assert.deepEqual({ uid, gid, mode: mode & 0o777 }, { uid: 1000, gid: 1000, mode: 0o755 })
    }),

  'to create a volume again keeps what is in it': ({ driver }) =>
    withVolume(driver, async (volume, directory) => {
      await writeFile(join(directory, 'kept'), 'yes')
      await driver.create(volume)
      assert.equal(await readFile(join(directory, 'kept'), 'utf8'), 'yes')
    }),

  'a volume is where it was after a restart of the kernel': ({ driver, again }) =>
    withVolume(driver, async (volume, directory) => assert.equal(await (await again()).open(volume), directory)),

  'two volumes are two directories': ({ driver }) =>
    withVolume(driver, (_, one) => withVolume(driver, async (_, other) => assert.notEqual(one, other))),

  'usage counts bytes and files, and nothing that a link leads to': ({ driver }) =>
    withVolume(driver, async (volume, directory) => {
      const before = await driver.usage(volume)
      assert.equal(before.files, 0)
      await mkdir(join(directory, 'folder'))
      await writeFile(join(directory, 'folder/large'), randomBytes(2 * mebibyte))
      await symlink('/usr', join(directory, 'link'))
      const { bytes, files } = await driver.usage(volume)
      assert.equal(files, 3)
      assert.ok(bytes >= 2 * mebibyte && bytes < 3 * mebibyte, `${bytes} bytes`)
    }),

  'a removed volume is gone with its data, and nothing that a link in it leads to; to remove it again is no error': ({
    driver,
  }) =>
    withDirectory(async (outside) => {
      await writeFile(join(outside, 'kept'), 'yes')
      const volume = { id: newId(), path: null }
      await driver.create(volume)
      const directory = await driver.open(volume)
      await symlink(outside, join(directory, 'link'))
      await driver.remove(volume)
      await driver.remove(volume)
      assert.equal(await lstat(directory).catch(() => null), null)
      await assert.rejects(driver.open(volume), { code: 'unavailable' })
      await assert.rejects(driver.usage(volume), { code: 'unavailable' })
      assert.equal(await readFile(join(outside, 'kept'), 'utf8'), 'yes')
    }),

  'a static volume is the given directory, left as it is when it is made and when it is removed': ({ driver }) =>
    withDirectory(async (path) => {
      await writeFile(join(path, 'kept'), 'yes')
      const volume = { id: newId(), path }
      const before = await lstat(path)
      await driver.create(volume)
      assert.equal(await driver.open(volume), path)
      assert.equal((await driver.usage(volume)).files, 1)
      await driver.remove(volume)
      const { uid, mode } = await lstat(path)
      assert.deepEqual({ uid, mode }, { uid: before.uid, mode: before.mode })
      assert.equal(await readFile(join(path, 'kept'), 'utf8'), 'yes')
    }),

  'a static volume whose directory is not there, or is a link, is refused': ({ driver }) =>
    withDirectory(async (folder) => {
      await symlink('/usr', join(folder, 'link'))
      for (const path of [join(folder, 'missing'), join(folder, 'link')]) {
        await assert.rejects(driver.create({ id: newId(), path }), { code: 'unavailable' })
        await assert.rejects(driver.open({ id: newId(), path }), { code: 'unavailable' })
      }
    }),
}

async function withVolume(
  driver: StorageDriver,
  work: (volume: StoredVolume, directory: string) => Promise<void>,
): Promise<void> {
  const volume = { id: newId(), path: null }
  await driver.create(volume)
  try {
    await work(volume, await driver.open(volume))
  } finally {
    await driver.remove(volume)
  }
}

async function withDirectory(work: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'megapolos-storage-'))
  try {
    await work(path)
  } finally {
    await rm(path, { recursive: true })
  }
}

function newId(): string {
  return randomBytes(4).toString('hex')
}
