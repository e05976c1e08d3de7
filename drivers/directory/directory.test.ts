import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storageConforms, storageMutantsAreCaught } from '../conformance/storage.ts'
import type { StorageUnderTest } from '../conformance/storage-promises.ts'
import { createDriver } from './index.ts'

async function makeStorage(): Promise<StorageUnderTest> {
  const folder = await mkdtemp(join(tmpdir(), 'megapolos-directory-'))
  const again = () => createDriver({ folder, settings: {} })
  return { driver: again(), again, remove: () => rm(folder, { recursive: true }) }
}

storageConforms('directory', makeStorage)
storageMutantsAreCaught('directory', makeStorage)
