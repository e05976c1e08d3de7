/** The suite of the class `builder` under vitest: a driver's own test is one call of this, on the real software. */
import { builderMutants } from './builder-mutants.ts'
import { builderPromises } from './builder-promises.ts'
import type { BuilderUnderTest } from './builder-under-test.ts'
import { keepsPromises, mutantsAreCaught } from './suite.ts'

export function builderConforms(name: string, make: () => Promise<BuilderUnderTest>): void {
  keepsPromises(`${name} is a builder`, make, builderPromises)
}

export function builderMutantsAreCaught(name: string, make: () => Promise<BuilderUnderTest>): void {
  mutantsAreCaught(`wrong drivers made of ${name} are caught`, make, builderPromises, builderMutants)
}
