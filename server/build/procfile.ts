/** Reads a Procfile: a line a process type, `web: node server.js`. */
import { isProcessType } from '../domain/app.ts'
import { UserError } from '../errors.ts'

const mostTypes = 100
/** Longer ones could not be handed to a process. */
const longestLine = 64 * 1024

export function parseProcfile(text: string): Record<string, string> {
  const processes: Record<string, string> = {}
  const lines = new Map<string, number>()
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.trim()
    if (line === '' || line.startsWith('#')) continue
    const number = index + 1
    if (line.length > longestLine) throw wrong(number, `is longer than ${longestLine / 1024} KB`)
    const [, type, command] = /^([^\s:]+)\s*:\s*(.*)$/.exec(line) ?? []
    if (!type) throw wrong(number, `is not of the form "type: command": ${line.slice(0, 200)}`)
    if (!isProcessType(type)) {
      throw wrong(
        number,
        `names the process type "${type.slice(0, 60)}"; a name has at most 30 letters, digits, - and _ and starts with a letter`,
      )
    }
    if (!command) throw wrong(number, `gives ${type} no command`)
    const before = lines.get(type)
    if (before !== undefined) throw wrong(number, `names ${type} a second time, after line ${before}`)
    if (lines.size === mostTypes) throw wrong(number, `is one too many: at most ${mostTypes} process types are allowed`)
    lines.set(type, number)
    processes[type] = command
  }
  if (lines.size === 0)
    throw new UserError(
      'refused',
      'The Procfile names no process.',
      'Add a line such as "web: npm start", or remove the file.',
    )
  return processes
}

function wrong(line: number, what: string): UserError {
  return new UserError('refused', `Line ${line} of the Procfile ${what}.`)
}
