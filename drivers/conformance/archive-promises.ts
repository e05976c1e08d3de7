/** What every archive must do: anyone can prove it, without a test runner. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ArchiveDriver } from '../../server/devices/classes/archive.ts'
import type { Promises } from './promises.ts'
import { within } from './within.ts'

export interface ArchiveUnderTest {
  /** Of a place that is empty. */
  readonly driver: ArchiveDriver
  /** Names of all files there, those that the driver does not show too. */
  files(): Promise<string[]>
  remove(): Promise<void>
}

/** Each holds at any time, whatever lies in the archive already. */
export const archivePromises: Promises<ArchiveUnderTest> = {
  'a place that can be written is found good': async ({ driver }) => driver.check(),

  'what was put comes back as it was, whatever its size': async ({ driver }) => {
    for (const size of [0, 1, 32_768, 32_769, 3_000_001]) {
      const [name, bytes] = [fresh(), randomBytes(size)]
      assert.deepEqual(await driver.put(name, pieces(bytes), never), { bytes: size })
      assert.ok((await read(driver, name)).equals(bytes), `${size} bytes came back as others`)
    }
  },

  'a name stands for nothing until all of it is there': async ({ driver }) => {
    const [name, source] = [fresh(), new PassThrough()]
    const put = driver.put(name, source, never)
    source.write(randomBytes(200_000))
    await once(source, 'drain')
    assert.deepEqual(await driver.list(name), [])
    await missing(driver, name)
    source.end()
    await put
    assert.deepEqual(await driver.list(name), [{ name, bytes: 200_000 }])
  },

  'a source that breaks off leaves nothing, and its own words': async (under) => {
    const name = fresh()
    await assert.rejects(under.driver.put(name, breaking(300_000), never), /the dump broke off/)
    await missing(under.driver, name)
    assert.deepEqual(await related(under, name), [])
  },

  'a source that breaks off leaves the file that had the name': async ({ driver }) => {
    const [name, bytes] = [fresh(), randomBytes(1000)]
    await driver.put(name, pieces(bytes), never)
    await assert.rejects(driver.put(name, breaking(300_000), never))
    assert.ok((await read(driver, name)).equals(bytes), 'the old file is another one now')
  },

  'a file that is put again is the new one, however long the old one was': async ({ driver }) => {
    const [name, bytes] = [fresh(), randomBytes(1000)]
    await driver.put(name, pieces(randomBytes(5000)), never)
    await driver.put(name, pieces(bytes), never)
    assert.ok((await read(driver, name)).equals(bytes), 'it is not the new file')
  },

  'a cancelled put ends at once, with the reason, and leaves nothing': async (under) => {
    const [name, source, cancel] = [fresh(), new PassThrough(), new AbortController()]
    const put = under.driver.put(name, source, cancel.signal)
    put.catch(() => {})
    source.write(randomBytes(200_000))
    await once(source, 'drain')
    cancel.abort(new Error('cancelled by hand'))
    await assert.rejects(within(6, 'a cancelled put', put), /cancelled by hand/)
    await missing(under.driver, name)
    assert.deepEqual(await related(under, name), [])
  },

  'files are listed by name and with their sizes, and only those below the prefix': async ({ driver }) => {
    const folder = fresh()
    for (const [name, size] of [
      ['b', 2],
      ['a', 1],
      ['deep/er', 3],
    ] as const) {
      await driver.put(`${folder}/${name}`, pieces(Buffer.alloc(size)), never)
    }
    await driver.put(fresh(), pieces(Buffer.alloc(1)), never)
    const listed = (await driver.list(`${folder}/`)).map(({ name, bytes }) => [name.slice(folder.length + 1), bytes])
    assert.deepEqual(listed, [
      ['a', 1],
      ['b', 2],
      ['deep/er', 3],
    ])
    assert.deepEqual(await driver.list(`${folder}/nothing`), [])
  },

  'a deleted file is gone, and deleting it again is no error': async (under) => {
    const name = fresh()
    await under.driver.put(name, pieces(randomBytes(1000)), never)
    await under.driver.delete(name)
    await missing(under.driver, name)
    assert.deepEqual(await under.driver.list(name), [])
    assert.deepEqual(await related(under, name), [])
    await under.driver.delete(name)
  },

  'whoever stops reading in the middle hurts nobody': async ({ driver }) => {
    const [name, bytes] = [fresh(), randomBytes(3_000_000)]
    await driver.put(name, pieces(bytes), never)
    for await (const _ of await driver.get(name, never)) break
    assert.ok((await read(driver, name)).equals(bytes))
  },

  'a cancelled get ends with an error': async ({ driver }) => {
    const [name, cancel] = [fresh(), new AbortController()]
    await driver.put(name, pieces(randomBytes(8_000_000)), never)
    const bytes = await driver.get(name, cancel.signal)
    const reading = async () => {
      for await (const _ of bytes) cancel.abort(new Error('cancelled by hand'))
    }
    await assert.rejects(within(6, 'a cancelled get', reading()))
  },

  'files that are put at the same time do not mix': async ({ driver }) => {
    const files = Array.from({ length: 4 }, () => [fresh(), randomBytes(400_000)] as const)
    await Promise.all(files.map(([name, bytes]) => driver.put(name, pieces(bytes), never)))
    for (const [name, bytes] of files) assert.ok((await read(driver, name)).equals(bytes), 'it is another file')
  },

  'a name that leads elsewhere is refused': async ({ driver }) => {
    for (const name of ['../x', '/etc/x', 'a//b', 'a/../../b', '.hidden', 'a\nb', '']) {
      await assert.rejects(driver.put(name, pieces(Buffer.alloc(1)), never), JSON.stringify(name))
      await assert.rejects(driver.get(name, never), JSON.stringify(name))
      await assert.rejects(driver.delete(name), JSON.stringify(name))
    }
  },
}

const never = new AbortController().signal

function fresh(): string {
  return `conformance/${randomBytes(6).toString('hex')}`
}

/** In pieces that end nowhere in particular. */
function pieces(bytes: Buffer, size = 10_007): Readable {
  const list = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
    bytes.subarray(n * size, (n + 1) * size),
  )
  return Readable.from(list)
}

function breaking(after: number): Readable {
  return Readable.from(
    (async function* () {
      yield randomBytes(after)
      throw new Error('the dump broke off')
    })(),
  )
}

async function read(driver: ArchiveDriver, name: string): Promise<Buffer> {
  return buffer(await driver.get(name, never))
}

async function missing(driver: ArchiveDriver, name: string): Promise<void> {
  await assert.rejects(driver.get(name, never), { code: 'not-found' })
}

/** Whatever lies there with a part of this name. */
async function related(under: ArchiveUnderTest, name: string): Promise<string[]> {
  const last = name.split('/').at(-1) ?? name
  return (await under.files()).filter((file) => file.includes(last))
}
