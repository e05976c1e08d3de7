/** Config vars as a file: `KEY=VALUE` lines, `#` comments, quotes where a value needs them. */
import { UserError } from '../errors.ts'

/** Double quotes may span lines and know \n, \" and \\; single quotes keep everything. */
export function parseEnvFile(text: string): Record<string, string> {
  const vars: Record<string, string> = {}
  const line = /^[ \t]*(?:export[ \t]+)?([^\s=#]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|'[^']*'|[^\n]*?)[ \t]*\r?$/gmsy
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
    vars[found[1] as string] = unquoted(found[2] as string)
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
