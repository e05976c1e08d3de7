/** What may not be sent to a store, because rqlite would take it and break its promise of all or none. */
import type { Statement } from './database.ts'

const leadingComments = /^(\s|;|--[^\n]*(\n|$)|\/\*[\s\S]*?\*\/)*/
const transactionControl = /^(begin|commit|end|rollback|savepoint|release|attach|detach|vacuum)\b/i
const givesRows = /^select\b|\breturning\b/i

export function checkStatements(statements: readonly Statement[]): void {
  for (const { sql } of statements) {
    const bare = sql.replace(leadingComments, '')
    // rqlite accepts a BEGIN, and from then on acknowledges writes that nobody sees again.
    const word = transactionControl.exec(bare)?.[1]
    if (word) throw new Error(`${word.toUpperCase()} may not be sent to the store; a batch is the only transaction.`)
    // When a statement that returns rows fails, rqlite commits the others of its transaction.
    if (statements.length > 1 && givesRows.test(bare)) throw new Error(`Rows are only for a batch of one: ${sql}`)
  }
}

/**
 * Cuts a script at the semicolons that end a statement: not those in strings, quoted names and comments.
 * Triggers, whose bodies have semicolons of their own, are not for this schema.
 */
export function splitStatements(script: string): string[] {
  const tokens = script.match(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|;|[^'";/-]+|[/-]/g) ?? []
  const statements: string[] = []
  let current = ''
  for (const token of [...tokens, ';']) {
    if (token !== ';') {
      if (!token.startsWith('--') && !token.startsWith('/*')) current += token
      continue
    }
    if (current.trim()) statements.push(current.trim())
    current = ''
  }
  return statements
}
