import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ArchiveDriver } from '../../server/devices/classes/archive.ts'
import { archiveConforms } from '../conformance/archive.ts'
import { hostFor } from '../conformance/archive-host.ts'
import { createDriver } from './index.ts'

const execute = promisify(execFile)
const never = new AbortController().signal

async function driverOf(settings: Readonly<Record<string, string>>) {
  return createDriver(await hostFor(await mkdtemp(join(tmpdir(), 'megapolos-device-')), settings))
}

archiveConforms('volume', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-volume-'))
  return {
    driver: await driverOf({ path: folder }),
    files: () => readdir(folder, { recursive: true }),
    remove: () => rm(folder, { recursive: true }),
  }
})

test('a directory that is not there is not made: its disk may not be mounted', async () => {
  const path = join(tmpdir(), `not-there-${randomBytes(4).toString('hex')}`)
  const driver = await driverOf({ path })
  await expect(driver.check()).rejects.toThrow(`The directory ${path} is not there.`)
  await expect(driver.put('a/b', Readable.from(['x']), never)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(readdir(path)).rejects.toThrow()
})

test('a full disk is named, what was there stays, and nothing half', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-full-'))
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  try {
    await mkdir(join(folder, 'databases'))
    const driver = await driverOf({ path: folder })
    await driver.put('databases/old', Readable.from([randomBytes(100_000)]), never)
    const large = Readable.from(Array.from({ length: 20 }, () => randomBytes(100_000)))
    await expect(driver.put('databases/new', large, never)).rejects.toThrow(`The disk of ${folder} is full.`)
    expect(await readdir(join(folder, 'databases'))).toEqual(['old'])
  } finally {
    await execute('umount', [folder])
    await rm(folder, { recursive: true })
  }
})

describe('a disk', () => {
  let folder: string
  let image: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'megapolos-disk-'))
    image = join(folder, 'image')
    await execute('truncate', ['-s', '8M', image])
    await execute('mkfs.ext4', ['-q', image])
  })
  afterAll(() => rm(folder, { recursive: true }))

  const isMounted = async () => (await readFile('/proc/mounts', 'utf8')).includes(`/run/megapolos-test${process.pid}/`)

  test('is mounted while somebody reads or writes there, and never else', async () => {
    const driver = await driverOf({ disk: image })
    await driver.check()
    await isMountedWhilePut(driver, 'databases/one', isMounted)
    const [one, other] = [await driver.get('databases/one', never), await driver.get('databases/one', never)]
    one.destroy()
    await once(one, 'close')
    expect((await buffer(other)).length).toBe(200_000)
    await expect.poll(isMounted).toBe(false)
    await expect(driver.get('databases/two', never)).rejects.toMatchObject({ code: 'not-found' })
    expect(await isMounted()).toBe(false)
  })

  test('that a dead kernel left mounted is used, and unmounted', async () => {
    const place = `/run/megapolos-test${process.pid}/archive`
    await mkdir(place, { recursive: true })
    await execute('mount', [image, place])
    const driver = await driverOf({ disk: image })
    expect(await driver.list('')).toEqual([{ name: 'databases/one', bytes: 200_000 }])
    expect(await isMounted()).toBe(false)
  })

  test('that is not there is named', async () => {
    const driver = await driverOf({ disk: '/dev/not-there' })
    await expect(driver.check()).rejects.toThrow(/^The disk \/dev\/not-there cannot be mounted: .*does not exist/)
  })
})

describe('a volume of the kernel', () => {
  let parent: string
  let driver: Awaited<ReturnType<typeof driverOf>>
  let directory: string
  const place = `/run/megapolos-test${process.pid}/archive`
  const isMounted = async () => (await readFile('/proc/mounts', 'utf8')).includes(` ${place} `)
  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), 'megapolos-volumes-'))
    for (const name of ['before', 'after']) await mkdir(join(parent, name))
    directory = join(parent, 'before')
    const host = await hostFor(await mkdtemp(join(tmpdir(), 'megapolos-device-')), { volume: 'vault' })
    driver = createDriver({ ...host, volume: { open: async () => directory } })
  })
  afterAll(() => rm(parent, { recursive: true }))

  test('is mounted while a backup is written there, and not before or after it', async () => {
    await driver.check()
    await isMountedWhilePut(driver, 'volumes/one', isMounted)
    expect(await readdir(join(parent, 'before/volumes'))).toEqual(['one'])
  })

  test('whose content was switched is the new one at the next backup, whatever a dead kernel left mounted', async () => {
    await execute('mount', ['-o', 'bind', directory, place])
    directory = join(parent, 'after')
    await driver.put('volumes/two', Readable.from(['x']), never)
    expect(await readdir(join(parent, 'before/volumes'))).toEqual(['one'])
    expect(await readdir(join(parent, 'after/volumes'))).toEqual(['two'])
    expect(await isMounted()).toBe(false)
  })
})

test('an archive that is said to be in two places is refused', async () => {
  await expect(driverOf({ path: '/mnt', volume: 'vault' })).rejects.toThrow(
    'An archive is in one place: path or volume.',
  )
})

/** 200,000 bytes: while they are on their way, and neither before nor after. */
async function isMountedWhilePut(driver: ArchiveDriver, name: string, isMounted: () => Promise<boolean>) {
  expect(await isMounted()).toBe(false)
  const source = new PassThrough()
  const put = driver.put(name, source, never)
  source.write(randomBytes(200_000))
  await once(source, 'drain')
  expect(await isMounted()).toBe(true)
  source.end()
  await put
  expect(await isMounted()).toBe(false)
}
