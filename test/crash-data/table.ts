/** Changes and their steps × victims: whether the change is done in the end. */
import { type Change, changes } from './changes.ts'
import { type Step, steps } from './steps.ts'
import { type Victim, victims } from './victims.ts'

/** `either`: it was on its way to both; but it is one of the two, entirely. */
export type Expected = 'before' | 'after' | 'either'

export interface Planned {
  readonly name: string
  readonly change: Change
  readonly step: Step
  readonly victim: Victim
  readonly expected: Expected
}

// `-`: that one takes no part, or is no longer needed. A star: in the short run as well.
const expectations = `
                                         kernel    server    driver
attach: create                           before    before    -
attach: grant                            either    either    -
attach: start                            before    either    -
attach: switch                           after     after     -
attach a cache: create by its driver     before    -         before*
rotate: grant                            either    either    -
rotate: start                            before    either    -
rotate: switch                           after*    after     -
rotate: revoke                           after     after     -
capture: dump                            before    before*   -
capture: read back                       either    either    -
capture: compare                         either    either    -
restore: read back                       either    either    -
restore: compare                         either    either    -
restore: start                           before    either    -
restore: switch                          after*    after     -
mount: note                              either    -         -
mount at a path: start with it           before    either    -
mount at a path: switch                  after     after     -
install: image                           either    -         -
install: run                             either    -         -
`
const short = /\*$/

export function plannedCells({ full }: { readonly full: boolean }): Planned[] {
  const [head = '', ...lines] = expectations.trim().split('\n')
  const names = head.trim().split(/\s+/)
  return lines.flatMap((line) => {
    const [what = '', ...texts] = line.split(/ {2,}/)
    const [change, step] = what.split(': ')
    return texts.flatMap((text, n) => {
      if (text === '-' || !(full || short.test(text))) return []
      const cell = {
        change: changes.find(({ name }) => name === change),
        step: steps.find(({ name }) => name === step),
        victim: victims.find(({ name }) => name === names[n]),
      }
      if (!cell.change || !cell.step || !cell.victim) throw new Error(`nobody knows ${what} × ${names[n]}`)
      const expected = text.replace(short, '') as Expected
      return [{ ...(cell as Required<typeof cell> & Planned), expected, name: `${what}, ${names[n]}` }]
    })
  })
}

/** The results of those that were played. */
export function tableText(results: ReadonlyMap<string, string>): string {
  const width = Math.max(0, ...[...results.keys()].map((name) => name.length))
  return [...results].map(([name, result]) => `${name.padEnd(width)}  ${result}`).join('\n')
}
