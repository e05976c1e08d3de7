/** Splits a command line the way people quote; nothing is ever expanded or run. */
import { UserError } from '../errors.ts'

/** Blanks separate words, single quotes keep everything, double quotes and backslashes work as in sh. */
export function splitWords(line: string): string[] {
  const words: string[] = []
  let word: string | null = null
  let quote: "'" | '"' | null = null
  for (let at = 0; at < line.length; at++) {
    const char = line[at] as string
    if (quote === "'") {
      if (char === "'") quote = null
      else word += char
    } else if (char === '\\') {
      const next = line[++at]
      if (next === undefined) throw new UserError('usage', 'The command ends with a lone backslash.')
      const kept = quote === '"' && !'\\"$`'.includes(next)
      word = (word ?? '') + (kept ? char + next : next)
    } else if (quote === '"') {
      if (char === '"') quote = null
      else word += char
    } else if (char === "'" || char === '"') {
      quote = char
      word ??= ''
    } else if (/\s/.test(char)) {
      if (word !== null) words.push(word)
      word = null
    } else {
      word = (word ?? '') + char
    }
  }
  if (quote !== null) throw new UserError('usage', `The command has an opening ${quote} without a closing one.`)
  if (word !== null) words.push(word)
  return words
}
