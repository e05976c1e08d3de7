import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { conformsArchive } from '../conformance/archive.ts'
import { createDriver } from './index.ts'

const execute = promisify(execFile)
const never = new AbortController().signal

conformsArchive('volume', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-volume-'))
  return {
    driver: createDriver({ settings: { path: folder } }),
    files: () => readdir(folder, { recursive: true }),
    remove: () => rm(folder, { recursive: true }),
  }
})

test('a directory that is not there is not made: its disk may not be mounted', async () => {
  const path = join(tmpdir(), `not-there-${randomBytes(4).toString('hex')}`)
  const driver = createDriver({ settings: { path } })
  await expect(driver.check()).rejects.toThrow(`The directory ${path} is not there.`)
  await expect(driver.put('a/b', Readable.from(['x']), never)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(readdir(path)).rejects.toThrow()
})

test('a full disk is named, what was there stays, and nothing half', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-full-'))
  await execute('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder])
  try {
    await mkdir(join(folder, 'databases'))
    const driver = createDriver({ settings: { path: folder } })
    await driver.put('databases/old', Readable.from([randomBytes(100_000)]), never)
    const large = Readable.from(Array.from({ length: 20 }, () => randomBytes(100_000)))
    await expect(driver.put('databases/new', large, never)).rejects.toThrow(`The disk of ${folder} is full.`)
    expect(await readdir(join(folder, 'databases'))).toEqual(['old'])
  } finally {
    await execute('umount', [folder])
    await rm(folder, { recursive: true })
  }
})
