/** Plays a transcript against the test system, and shows it with the real output up to where it went wrong. */
import { isAbsolute, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Ended, Person } from './person.ts'
import { playerWords, type Stage } from './player-words.ts'
import { firstMissing, type Script, type Step, words } from './script.ts'

export async function play(script: Script, person: Person, httpPort: number): Promise<void> {
  const stage: Stage = { person, httpPort, remembered: [], load: null }
  const played: string[] = []
  try {
    for (const step of script.steps) {
      const ended = await perform(step, stage)
      const problem = judge(step, ended)
      played.push(shown(step, ended, problem))
      if (problem) throw new Error(`line ${step.line}: ${problem.sentence}\n\n${played.join('\n')}\n`)
    }
  } finally {
    await stage.load?.stop()
  }
}

async function perform(step: Step, stage: Stage): Promise<Ended> {
  const typed = words(step.typed, stage.person.home)
  if (typed[0] !== 'wait-for') return once(typed, stage)
  const deadline = Date.now() + Number(typed[1]) * 1000
  for (;;) {
    const ended = await once(typed.slice(2), stage)
    if (!judge(step, ended) || Date.now() > deadline) return ended
    await pause(100)
  }
}

async function once(typed: readonly string[], stage: Stage): Promise<Ended> {
  const word = playerWords[typed[0] ?? '']
  if (word) {
    return word(stage, typed.slice(1)).then(
      (output) => ({ exit: 0, output: output ?? '' }),
      (error: Error) => ({ exit: 1, output: error.message }),
    )
  }
  const [plain, files] = redirections(typed, stage.person.folder)
  return stage.person.run(plain, files)
}

/** `< file` and `> file` at the end of a line. */
function redirections(typed: readonly string[], folder: string): [string[], { from?: string; to?: string }] {
  const plain = [...typed]
  const files: { from?: string; to?: string } = {}
  while (plain.at(-2) === '<' || plain.at(-2) === '>') {
    const [sign, name = ''] = plain.splice(-2)
    files[sign === '<' ? 'from' : 'to'] = isAbsolute(name) ? name : join(folder, name)
  }
  return [plain, files]
}

interface Problem {
  readonly sentence: string
  readonly missing: string | null
}

function judge(step: Step, { exit, output }: Ended): Problem | null {
  const asWanted = step.ends === 'well' ? exit === 0 : step.ends === 'badly' ? exit !== 0 : exit === step.ends
  if (!asWanted) return { sentence: `exit code ${exit}, it had to end ${asWord(step.ends)}`, missing: null }
  const index = firstMissing(step, linesOf(output))
  if (index === null) return null
  const missing = step.expected[index] ?? null
  return { sentence: missing === null ? 'more was said than expected' : 'a line is missing', missing }
}

const asWord = (ends: Step['ends']) => (typeof ends === 'number' ? `with ${ends}` : ends)

/** As a diff: what was said, then the line that was not. */
function shown(step: Step, ended: Ended, problem: Problem | null): string {
  const typed = `${step.ends === 'well' ? '$' : '!'} ${step.typed}`
  const lines = [typed, ...linesOf(ended.output).map((line) => `  ${line}`)]
  if (problem?.missing != null) lines.push(`- ${problem.missing}`)
  return lines.join('\n')
}

/** Without the blanks that git fills lines of the other end with. */
function linesOf(output: string): string[] {
  const lines = output.split('\n').map((line) => line.trimEnd())
  while (lines.at(-1) === '') lines.pop()
  return lines
}
