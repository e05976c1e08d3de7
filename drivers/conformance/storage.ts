/** The suite of the class `storage` under vitest: a driver's own test is one call of this. */
import { storageMutants } from './storage-mutants.ts'
import { type StorageUnderTest, storagePromises } from './storage-promises.ts'
import { keepsPromises, mutantsAreCaught } from './suite.ts'

export function storageConforms(name: string, make: () => Promise<StorageUnderTest>): void {
  keepsPromises(`${name} is a storage`, make, storagePromises)
}

export function storageMutantsAreCaught(name: string, make: () => Promise<StorageUnderTest>): void {
  mutantsAreCaught(`wrong drivers made of ${name} are caught`, make, storagePromises, storageMutants)
}
