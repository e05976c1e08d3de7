/** Steps × victims: which version serves in the end. */
import { type Step, steps } from './steps.ts'
import { type Victim, victims } from './victims.ts'

/** `either`: what is killed decides whether its last word was heard; but one of the two, entirely. */
export type Expected = 'before' | 'after' | 'either'

export interface Planned {
  readonly step: Step
  readonly victim: Victim
  readonly expected: Expected
}

// `-`: nobody of that name takes part. A star: in the short run as well.
const expectations = `
              kernel   dockerd  proxy   redis   rqlite  hook     git      client
receive       after*   after    after   after   after   -        before*  before
spool         before*  after    after   after   after   before   before   before
build         before*  before*  after   after   after*  before*  before   before
release task  before*  before   after   after*  after   before   before   before*
start         before*  before   after   after   after   before   before   before
check         before*  before   after   after   after   before   before   before
decide        either*  after    after   after   after*  after    after    after
switch        after*   after    after*  after   after   after*   after    after
drain         after*   after*   after   after   after   -        -        -
stop          after*   after    after   after   after   -        -        -
`
const short = /\*$/

/** Without rqlite there is nothing of it to kill, or to freeze. */
export function plannedCells(options: { readonly full: boolean; readonly rqlite: boolean }): Planned[] {
  return rows()
    .filter(({ text }) => text !== '-' && (options.full || short.test(text)))
    .map(({ text, ...cell }) => ({ ...cell, expected: text.replace(short, '') as Expected }))
    .filter(
      ({ step, victim }) => options.rqlite || (victim.name !== 'rqlite' && !['decide', 'switch'].includes(step.name)),
    )
}

/** The results of those that were played, as a table; the others are dots. */
export function tableText(result: (step: string, victim: string) => string | undefined): string {
  const names = victims.map(({ name }) => name)
  const cells = steps.map(({ name }) => [name, ...names.map((victim) => result(name, victim) ?? '·')])
  const table = [['', ...names], ...cells]
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? []
  return table
    .map((row) =>
      row
        .map((text, column) => text.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

function rows(): { step: Step; victim: Victim; text: string }[] {
  const [names = '', ...lines] = expectations.trim().split('\n')
  const columns = names.trim().split(/\s+/)
  return lines.flatMap((line) => {
    const [name, ...texts] = line.split(/ {2,}/)
    const step = steps.find((one) => one.name === name)
    return texts.map((text, n) => {
      const victim = victims.find((one) => one.name === columns[n])
      if (!step || !victim) throw new Error(`nobody knows ${name} × ${columns[n]}`)
      return { step, victim, text: text.trim() }
    })
  })
}
