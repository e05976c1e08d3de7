/** Suites under vitest: a driver's own test is one call, on the real software. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Mutant, type Promises, Untried } from './promises.ts'

/** Milliseconds for one promise: some are kept on a machine that does other things. */
const longest = 300_000

interface Removable {
  remove(): Promise<void>
}

export function keepsPromises<Under extends Removable>(
  title: string,
  make: () => Promise<Under>,
  promises: Promises<Under>,
): void {
  onOne(title, make, (it) => {
    for (const [promise, keep] of Object.entries(promises)) {
      const prove = ({ skip }: { skip(why: string): void }) =>
        keep(it()).catch((error) => {
          if (!(error instanceof Untried)) throw error
          skip(error.message)
        })
      test(promise, prove, longest)
    }
  })
}

/** The suite itself is tried: the promise that a mutant breaks must be seen to be broken. */
export function mutantsAreCaught<Driver extends object, Under extends Removable & { readonly driver: Driver }>(
  title: string,
  make: () => Promise<Under>,
  promises: Promises<Under>,
  mutants: Readonly<Record<string, Mutant<Driver>>>,
): void {
  onOne(title, make, (it) => {
    test.each(Object.entries(mutants))(
      '%s',
      async (_, { breaks, sees = '', wrong }) => {
        const right = it()
        const mutant = { ...right, driver: { ...right.driver, ...wrong(right.driver) } }
        await expect(promised(promises, breaks)(mutant)).rejects.toThrow(sees)
      },
      longest,
    )
  })
}

/** Tests that share one, made before and removed after them. */
function onOne<Under extends Removable>(
  title: string,
  make: () => Promise<Under>,
  tests: (it: () => Under) => void,
): void {
  describe(title, () => {
    let it: Under

    beforeAll(async () => {
      it = await make()
    }, longest)

    afterAll(() => it?.remove(), longest)

    tests(() => it)
  })
}

export function promised<Under>(promises: Promises<Under>, name: string): (it: Under) => Promise<void> {
  const keep = promises[name]
  if (keep === undefined) throw new Error(`there is no promise "${name}"`)
  return keep
}
