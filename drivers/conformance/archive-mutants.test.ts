/** The suite is worth something: drivers with one fault each, and every one of them is caught. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { ArchiveDriver } from '../../server/devices/classes/archive.ts'
import { inDirectory } from '../volume/directory.ts'
import { type ArchiveUnderTest, archivePromises } from './archive-promises.ts'

const never = new AbortController().signal

type Fault = (good: ArchiveDriver, folder: string) => Partial<ArchiveDriver>

const faults: Readonly<Record<string, Fault>> = {
  'loses the last byte': (good) => ({
    put: async (name, bytes, signal) => {
      const all = await buffer(bytes)
      return good.put(name, Readable.from([all.subarray(0, -1)]), signal)
    },
  }),
  'keeps the half of a source that breaks off': (good) => ({
    put: async (name, bytes, signal) => {
      const through = new PassThrough()
      bytes.on('error', () => through.end())
      return good.put(name, bytes.pipe(through), signal)
    },
  }),
  'writes straight to the name': (good, folder) => ({
    put: async (name, bytes, signal) => {
      await good.put(name, Readable.from([]), never)
      const all: Buffer[] = []
      for await (const some of bytes) await writeFile(join(folder, name), Buffer.concat([all.push(some) ? some : some]))
      return good.put(name, Readable.from([Buffer.concat(all)]), signal)
    },
  }),
  'does not hear that it is cancelled': (good) => ({ put: (name, bytes) => good.put(name, bytes, never) }),
  'leaves its drafts': (good, folder) => ({
    put: async (name, bytes, signal) => {
      try {
        return await good.put(name, bytes, signal)
      } catch (error) {
        await writeFile(join(folder, `${name}.part`), 'half')
        throw error
      }
    },
  }),
  'keeps the old file of a name': (good) => ({
    put: async (name, bytes, signal) => {
      const [old] = await good.list(name)
      return old ? { bytes: (await buffer(bytes)).length } : good.put(name, bytes, signal)
    },
  }),
  'gives nothing for what is not there': (good) => ({
    get: (name, signal) => good.get(name, signal).catch(() => Readable.from([])),
  }),
  'lists everything': (good) => ({ list: () => good.list('') }),
  'deletes nothing': () => ({ delete: async () => {} }),
  'follows names out of its folder': (good) => ({ delete: (name) => good.delete(name).catch(() => {}) }),
}

test.each(Object.keys(faults))(
  'an archive that %s is found out',
  async (fault) => {
    const folder = await mkdtemp(join(tmpdir(), 'megapolos-mutant-'))
    const good = inDirectory(folder)
    const driver = { ...good, ...faults[fault]?.(good, folder) }
    const under: ArchiveUnderTest = {
      driver,
      files: () => readdir(folder, { recursive: true }),
      remove: async () => {},
    }
    const broken: string[] = []
    const proofs = Object.entries(archivePromises).map(([name, prove]) =>
      Promise.race([prove(under), late()]).catch(() => broken.push(name)),
    )
    await Promise.all(proofs)
    await rm(folder, { recursive: true })
    expect(broken).not.toEqual([])
  },
  30_000,
)

function late(): Promise<never> {
  return new Promise((_, reject) => setTimeout(() => reject(new Error('too late')), 8_000).unref())
}
