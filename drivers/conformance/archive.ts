/** The suite of the class `archive` under vitest: a driver's own test is one call of this, against the real place. */
import { type ArchiveUnderTest, archivePromises } from './archive-promises.ts'
import { keepsPromises } from './suite.ts'

export function archiveConforms(name: string, make: () => Promise<ArchiveUnderTest>): void {
  keepsPromises(`${name} is an archive`, make, archivePromises)
}
