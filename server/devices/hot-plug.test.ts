import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../log.ts'
import { hotPlug } from './hot-plug.ts'

let folder: string
let stop: AbortController
let looks: PromiseWithResolvers<void>
let count = 0

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'megapolos-hot-'))
  stop = new AbortController()
  looks = Promise.withResolvers()
  await hotPlug(
    folder,
    async () => {
      count += 1
      looks.resolve()
      looks = Promise.withResolvers()
    },
    stop.signal,
    createLog(() => {}),
  )
  count = 0
})
afterEach(async () => {
  stop.abort()
  await rm(folder, { recursive: true, force: true })
})

/** Milliseconds until somebody looked. */
async function noticed(change: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  const looked = looks.promise
  await change()
  await looked
  return performance.now() - began
}

test('a driver that comes, changes, goes and comes again is noticed within two seconds, each time', async () => {
  const add = async () => {
    await mkdir(join(folder, 'cache'))
    await writeFile(join(folder, 'cache/driver.json'), '{}')
  }
  const times = [
    await noticed(add),
    await noticed(() => writeFile(join(folder, 'cache/driver.json'), '{"version":"2"}')),
    await noticed(() => writeFile(join(folder, 'cache/driver.py'), 'pass')),
    await noticed(() => rm(join(folder, 'cache'), { recursive: true })),
    await noticed(add),
  ]
  expect(Math.max(...times)).toBeLessThan(2000)
})

test('a folder that is moved in, and one deep inside, are noticed', async () => {
  const beside = `${folder}-beside`
  await mkdir(join(beside, 'lib/deep'), { recursive: true })
  await writeFile(join(beside, 'lib/deep/code.py'), 'one')
  expect(await noticed(() => rename(beside, join(folder, 'cache')))).toBeLessThan(2000)
  expect(await noticed(() => writeFile(join(folder, 'cache/lib/deep/code.py'), 'two two'))).toBeLessThan(2000)
})

test('a burst of changes is one look', async () => {
  await noticed(async () => {
    for (let n = 0; n < 50; n++) await writeFile(join(folder, `file-${n}`), 'x')
  })
  expect(count).toBeLessThanOrEqual(2)
})
