/** A transcript, read: what a person types, and what they must see. README.md beside it describes the format. */

export interface Script {
  /** The first comment line: what this script promises. */
  readonly promise: string
  readonly steps: readonly Step[]
}

export interface Step {
  readonly line: number
  readonly typed: string
  /** How it must end; a number is that exit code. */
  readonly ends: 'well' | 'badly' | number
  readonly expected: readonly string[]
  /** The output is these lines and no others. */
  readonly whole: boolean
}

export function parseScript(text: string): Script {
  const lines = text.split('\n')
  const promise = lines[0]?.match(/^# (.+)/)?.[1]
  if (!promise) throw new Error('The first line of a script is its promise: # a sentence')
  const steps: { -readonly [K in keyof Step]: Step[K] }[] = []
  lines.forEach((line, index) => {
    const command = line.match(/^(?:\$|!(\d*)) (.+)/)
    if (command) {
      const ends = line.startsWith('$') ? 'well' : command[1] ? Number(command[1]) : 'badly'
      steps.push({ line: index + 1, typed: command[2] ?? '', ends, expected: [], whole: false })
    } else if (line.trim() !== '' && !line.startsWith('# ')) {
      const step = steps.at(-1)
      if (!step) throw new Error(`Line ${index + 1} is output, but nothing was typed before it: ${line}`)
      step.whole ||= line.startsWith('== ')
      step.expected = [...step.expected, line.replace(/^== /, '')]
    }
  })
  return { promise, steps }
}

/** Splits a line into words as a shell would, quotes included; nothing is expanded but `~/`. */
export function words(typed: string, home: string): string[] {
  const found: string[] = []
  for (const [word] of typed.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)) {
    const bare = word.replace(/'([^']*)'|"([^"]*)"/g, (_, single, double) => single ?? double)
    found.push(bare.startsWith('~/') ? home + bare.slice(1) : bare)
  }
  return found
}

/** Index of the first expected line that the output lacks, or null when all is as expected. */
export function firstMissing(step: Pick<Step, 'expected' | 'whole'>, output: readonly string[]): number | null {
  if (step.whole && step.expected.length !== output.length) return Math.min(step.expected.length, output.length)
  let next = 0
  for (const [index, wanted] of step.expected.entries()) {
    const at = output.findIndex((line, place) => place >= next && matches(wanted, line))
    if (at === -1 || (step.whole && at !== index)) return index
    next = at + 1
  }
  return null
}

/** `…` stands for anything. */
export function matches(wanted: string, line: string): boolean {
  const parts = wanted.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${parts.join('.*')}$`, 'u').test(line)
}
