/** What came of trying a driver, as a person reads it. */
import type { Proof } from '../devices/suite.ts'

export const isBroken = ({ outcome }: Proof): boolean => outcome === 'broken'

/** A promise as soon as it was tried; of what broke it no more than a screen. */
export function proofLines({ promise, outcome, why }: Proof): string[] {
  if (outcome === 'untried') return []
  if (outcome === 'kept') return [`ok    ${promise}`]
  const [first = '', ...more] = (why ?? '').split('\n')
  return [`FAIL  ${promise}: ${first}`, ...more.slice(0, 20).map((line) => `      ${line}`)]
}

/** Many have one reason. */
export function untriedLines(proofs: readonly Proof[]): string[] {
  const byReason = Map.groupBy(
    proofs.filter(({ outcome }) => outcome === 'untried'),
    ({ why }) => why,
  )
  return [...byReason].flatMap(([why, untried]) => [
    '',
    `Not tried: ${why}`,
    ...untried.map(({ promise }) => `-     ${promise}`),
  ])
}

export function verdictOf({ name, proofs }: { readonly name: string; readonly proofs: readonly Proof[] }): string {
  const count = (wanted: Proof['outcome']) => proofs.filter(({ outcome }) => outcome === wanted).length
  const [broken, kept, untried] = [count('broken'), count('kept'), count('untried')]
  const not = untried > 0 ? `; ${untried} could not be tried here` : ''
  if (broken > 0) return `${name} does not keep ${broken} of ${broken + kept} promises${not}.`
  return `${name} keeps ${kept} promises${not}.`
}
