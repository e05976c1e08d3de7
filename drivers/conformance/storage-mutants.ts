/** Storages that are right but for one thing each. A suite that does not see it would prove nothing. */
import { rm } from 'node:fs/promises'
import type { StorageDriver } from '../../server/devices/classes/storage.ts'
import type { Mutant } from './promises.ts'

const gone =
  'a removed volume is gone with its data, and nothing that a link in it leads to; to remove it again is no error'

export const storageMutants: Readonly<Record<string, Mutant<StorageDriver>>> = {
  'it removes what it was given': {
    breaks: 'a static volume is the given directory, left as it is when it is made and when it is removed',
    sees: 'ENOENT',
    wrong: (right) => ({
      remove: async (volume) => (volume.path ? rm(volume.path, { recursive: true }) : right.remove(volume)),
    }),
  },

  'a volume that is created again is emptied': {
    breaks: 'to create a volume again keeps what is in it',
    sees: 'ENOENT',
    wrong: (right) => ({ create: async (volume) => right.remove(volume).then(() => right.create(volume)) }),
  },

  'it removes nothing': { breaks: gone, wrong: () => ({ remove: async () => {} }) },

  'it cannot remove twice': {
    breaks: gone,
    wrong: (right) => ({ remove: (volume) => right.open(volume).then(() => right.remove(volume)) }),
  },

  'it has one directory for all': {
    breaks: 'two volumes are two directories',
    sees: 'unequal',
    wrong: (right) => ({
      open: ({ path }) => right.open({ id: '00000000', path }),
      create: ({ path }) => right.create({ id: '00000000', path }),
    }),
  },

  'it counts nothing': {
    breaks: 'usage counts bytes and files, and nothing that a link leads to',
    wrong: () => ({ usage: async () => ({ bytes: 0, files: 0 }) }),
  },

  'it opens what is not there': {
    breaks: 'a static volume whose directory is not there, or is a link, is refused',
    sees: 'Missing expected rejection',
    wrong: (right) => ({ open: async (volume) => volume.path ?? right.open(volume) }),
  },
}
