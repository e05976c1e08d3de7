/** What every storage must do. A driver's own test is one call of this. */
import { beforeAll, describe, test } from 'vitest'
import { type StorageUnderTest, storagePromises } from './storage-promises.ts'

export function storageConforms(name: string, setUp: () => Promise<StorageUnderTest>): void {
  describe(`storage ${name}`, () => {
    let under: StorageUnderTest
    beforeAll(async () => {
      under = await setUp()
    })
    for (const promise of storagePromises) test(promise.name, () => promise.keep(under))
  })
}
