/** Config vars as a file: `KEY=VALUE` lines, `#` comments, quotes where a value needs them. */
import { UserError } from '../errors.ts'

/** Double quotes may span lines and know \n, \" and \\; single quotes keep everything. */
export function parseEnvFile(text: string): Record<string, string> {
  const vars: Record<string, string> = Object.create(null)
  // Each part takes all that it can at once: a value of a megabyte must not be tried again from each of its letters.
  const line =
    /^[ \t]*(?:export[ \t]+)?([^\s=#]+)[ \t]*=[ \t]*(?:("[^"\\]*(?:\\.[^"\\]*)*"|'[^']*')[ \t]*\r?$|([^\n]*))/msy
  let at = 0
  while (at < text.length) {
    const blank = /[ \t]*(?:#[^\n]*)?\r?(?:\n|$)/y
    blank.lastIndex = at
    if (blank.test(text)) {
      at = blank.lastIndex
      continue
    }
    line.lastIndex = at
    const found = line.exec(text)
    if (!found) throw new UserError('usage', `Line ${text.slice(0, at).split('\n').length} is not KEY=VALUE.`)
    const [, key = '', quotes, bare = ''] = found
    vars[key] = unquoted(quotes ?? bare.trimEnd())
    at = line.lastIndex + 1
  }
  return vars
}

export function printEnvFile(vars: Readonly<Record<string, string>>): string[] {
  return Object.entries(vars).map(([key, value]) => `${key}=${/^[\w@%+:,./=-]*$/.test(value) ? value : quoted(value)}`)
}

function quoted(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&').replace(/\r/g, '\\r').replace(/\n/g, '\\n')}"`
}

function unquoted(value: string): string {
  if (value.startsWith("'") && value.length > 1) return value.slice(1, -1)
  if (!value.startsWith('"') || value.length < 2) return value
  return value.slice(1, -1).replace(/\\(.)/gs, (_, char: string) => ({ n: '\n', r: '\r' })[char] ?? char)
}
