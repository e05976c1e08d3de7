/** Reads SQLite's own sentence about a refused constraint; both stores pass it on word for word. */
import { ConstraintError } from './database.ts'

const kinds = [
  ['UNIQUE', 'unique'],
  ['CHECK', 'check'],
  ['FOREIGN KEY', 'foreign-key'],
  ['NOT NULL', 'not-null'],
] as const

/** Null when the message is about something else. */
export function constraintError(message: string): ConstraintError | null {
  for (const [words, kind] of kinds) {
    const start = message.indexOf(`${words} constraint failed`)
    if (start < 0) continue
    return new ConstraintError(kind, kind === 'check' ? null : firstColumn(message.slice(start)), message)
  }
  return null
}

function firstColumn(sentence: string): string | null {
  return /failed: (\w+\.\w+)/.exec(sentence)?.[1] ?? null
}
