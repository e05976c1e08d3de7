/** A driver's own test is one call of this, against the real place. */
import { afterAll, beforeAll, describe, test } from 'vitest'
import { type ArchiveUnderTest, archivePromises } from './archive-promises.ts'

export function conformsArchive(name: string, make: () => Promise<ArchiveUnderTest>): void {
  describe(`archive ${name}`, () => {
    let under: ArchiveUnderTest
    beforeAll(async () => {
      under = await make()
    }, 60_000)
    afterAll(() => under.remove())
    for (const [promise, prove] of Object.entries(archivePromises)) test(promise, () => prove(under), 60_000)
  })
}
