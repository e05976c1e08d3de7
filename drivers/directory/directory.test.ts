import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { StorageDriver } from '../../server/devices/classes/storage.ts'
import { storageConforms } from '../conformance/storage.ts'
import { storagePromises } from '../conformance/storage-promises.ts'
import { createDriver } from './index.ts'

const folder = await mkdtemp(join(tmpdir(), 'megapolos-directory-'))
afterAll(() => rm(folder, { recursive: true }))

const again = () => createDriver({ folder, settings: {} })

storageConforms('directory', async () => ({ driver: again(), again }))

/** Drivers that are wrong in one way each: a suite that passes one of them proves nothing. */
const mutants: Readonly<Record<string, (driver: StorageDriver) => Partial<StorageDriver>>> = {
  'removes what it was given': (driver) => ({
    remove: async (volume) => (volume.path ? rm(volume.path, { recursive: true }) : driver.remove(volume)),
  }),
  'empties a volume that is created again': (driver) => ({
    create: async (volume) => driver.remove(volume).then(() => driver.create(volume)),
  }),
  'removes nothing': () => ({ remove: async () => {} }),
  'cannot remove twice': (driver) => ({
    remove: (volume) => driver.open(volume).then(() => driver.remove(volume)),
  }),
  'has one directory for all': (driver) => ({
    open: ({ path }) => driver.open({ id: '00000000', path }),
    create: ({ path }) => driver.create({ id: '00000000', path }),
  }),
  'counts nothing': () => ({ usage: async () => ({ bytes: 0, files: 0 }) }),
  'opens what is not there': () => ({ open: async ({ id, path }) => path ?? join(folder, id) }),
}

describe('the suite finds a driver that', () => {
  test.each(Object.keys(mutants))('%s', async (name) => {
    const driver = { ...again(), ...mutants[name]?.(again()) }
    const kept = await Promise.allSettled(storagePromises.map((promise) => promise.keep({ driver, again })))
    expect(kept.map(({ status }) => status)).toContain('rejected')
  })
})
