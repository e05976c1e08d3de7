/** The suite is worth something: archives that are right but for one thing each, and the promise about it is seen to break. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ArchiveDriver } from '../../server/devices/classes/archive.ts'
import { inDirectory } from '../volume/directory.ts'
import { archivePromises } from './archive-promises.ts'
import type { Mutant } from './promises.ts'
import { mutantsAreCaught } from './suite.ts'

const never = new AbortController().signal
const folder = await mkdtemp(join(tmpdir(), 'megapolos-mutant-'))

const mutants: Readonly<Record<string, Mutant<ArchiveDriver>>> = {
  'it loses the last byte': {
    breaks: 'what was put comes back as it was, whatever its size',
    wrong: (right) => ({
      put: async (name, bytes, signal) => {
        const all = await buffer(bytes)
        return right.put(name, Readable.from([all.subarray(0, -1)]), signal)
      },
    }),
  },

  'it keeps the half of a source that breaks off': {
    breaks: 'a source that breaks off leaves nothing, and its own words',
    sees: 'Missing expected rejection',
    wrong: (right) => ({
      put: async (name, bytes, signal) => {
        const through = new PassThrough()
        bytes.on('error', () => through.end())
        return right.put(name, bytes.pipe(through), signal)
      },
    }),
  },

  'it writes straight to the name': {
    breaks: 'a name stands for nothing until all of it is there',
    wrong: (right) => ({
      put: async (name, bytes, signal) => {
        await right.put(name, Readable.from([]), never)
        const all: Buffer[] = []
        for await (const some of bytes) {
          all.push(some)
          await writeFile(join(folder, name), Buffer.concat(all))
        }
        return right.put(name, Readable.from([Buffer.concat(all)]), signal)
      },
    }),
  },

  'it does not hear that it is cancelled': {
    breaks: 'a cancelled put ends at once, with the reason, and leaves nothing',
    sees: 'did not end within',
    wrong: (right) => ({ put: (name, bytes) => right.put(name, bytes, never) }),
  },

  'it leaves its drafts': {
    breaks: 'a source that breaks off leaves nothing, and its own words',
    sees: '.part',
    wrong: (right) => ({
      put: async (name, bytes, signal) => {
        try {
          return await right.put(name, bytes, signal)
        } catch (error) {
          await writeFile(join(folder, `${name}.part`), 'half')
          throw error
        }
      },
    }),
  },

  'it keeps the old file of a name': {
    breaks: 'a file that is put again is the new one, however long the old one was',
    sees: 'it is not the new file',
    wrong: (right) => ({
      put: async (name, bytes, signal) => {
        const [old] = await right.list(name)
        return old ? { bytes: (await buffer(bytes)).length } : right.put(name, bytes, signal)
      },
    }),
  },

  'it gives nothing for what is not there': {
    breaks: 'a deleted file is gone, and deleting it again is no error',
    sees: 'Missing expected rejection',
    wrong: (right) => ({ get: (name, signal) => right.get(name, signal).catch(() => Readable.from([])) }),
  },

  'it lists everything': {
    breaks: 'files are listed by name and with their sizes, and only those below the prefix',
    sees: 'deep-equal',
    wrong: (right) => ({ list: () => right.list('') }),
  },

  'it deletes nothing': {
    breaks: 'a deleted file is gone, and deleting it again is no error',
    sees: 'Missing expected rejection',
    wrong: () => ({ delete: async () => {} }),
  },

  'it follows names out of its folder': {
    breaks: 'a name that leads elsewhere is refused',
    wrong: (right) => ({ delete: (name) => right.delete(name).catch(() => {}) }),
  },
}

mutantsAreCaught(
  'wrong archives are caught',
  async () => ({
    driver: inDirectory(folder),
    files: () => readdir(folder, { recursive: true }),
    remove: () => rm(folder, { recursive: true }),
  }),
  archivePromises,
  mutants,
)
