import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { afterAll, expect, test } from 'vitest'
import { archive, readArchive } from './archive.ts'

const folder = mkdtempSync(join(tmpdir(), 'mp-archive-'))
afterAll(() => rmSync(folder, { recursive: true }))

const contents: Record<string, Buffer> = {
  'about.json': Buffer.from('{}'),
  'a/b.bundle': randomBytes(300_000),
  empty: Buffer.alloc(0),
}

async function* parts() {
  for (const [name, bytes] of Object.entries(contents)) {
    const path = join(folder, 'part')
    writeFileSync(path, bytes)
    yield { name, path }
    rmSync(path)
  }
}

async function read(bytes: AsyncIterable<Buffer>): Promise<Record<string, Buffer>> {
  const found: Record<string, Buffer> = {}
  await readArchive(bytes, async (name, content) => {
    found[name] = Buffer.concat(await Array.fromAsync(content))
  })
  return found
}

test('parts come back as they were, each made only when the one before it is done', async () => {
  expect(await read(archive(parts()))).toEqual(contents)
})

test('a part that cannot be made fails the archive with its reason', async () => {
  async function* failing() {
    yield* parts()
    throw new Error('git is gone')
  }
  await expect(Array.fromAsync(archive(failing()))).rejects.toThrow('git is gone')
})

test('an archive without its list, or with a part that is not in it, is refused', async () => {
  const bare = pack()
  bare.entry({ name: 'about.json' }, '{}')
  bare.finalize()
  await expect(read(bare as never)).rejects.toThrow('a part of it is missing')
  const more = pack()
  more.entry({ name: 'about.json' }, '{}')
  more.entry({ name: 'parts.json' }, '[]')
  more.finalize()
  await expect(read(more as never)).rejects.toThrow('a part of it is missing')
})

test('a source that fails in the middle of a part fails with its own reason', async () => {
  const all = Buffer.concat(await Array.fromAsync(archive(parts())))
  async function* failing() {
    yield all.subarray(0, 100_000)
    throw new Error('the disk is gone')
  }
  await expect(read(failing())).rejects.toThrow('the disk is gone')
  await expect(read(Readable.from([all.subarray(0, 100_000)]))).rejects.toThrow()
})
