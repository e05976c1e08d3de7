/** What a Dockerfile may not say: the builder itself would fetch it, from the host's network, where no firewall stands. */
import { UserError } from '../../server/errors.ts'

/** Throws `refused` with the line. */
export function refuseForeign(dockerfile: string): void {
  // The builder takes such a file for the input of another program, which it would fetch and run with its own rights.
  if (/^(?:\s*#[^\n]*\n)*\s*(?:\{|\/\/)/.test(dockerfile)) {
    throw new UserError('refused', 'The Dockerfile begins with something else than an instruction or a comment.')
  }
  const line = addFromAddress(dockerfile.split('\n'))
  if (line === null) return
  throw new UserError(
    'refused',
    `Line ${line} of the Dockerfile adds from an address, or from one that a variable may hold.`,
    'ADD takes files of the repository. Fetch in a step instead: RUN curl -fsSLO https://…',
  )
}

/** Lines of an instruction that are looked at. */
const longest = 50

/** Number of the first ADD that might fetch. Any line may be the first of an instruction: what a heredoc ends with is the builder's to say. */
function addFromAddress(lines: readonly string[]): number | null {
  for (const [at, line] of lines.entries()) {
    if (!/^\s*[ao]/i.test(line)) continue
    for (const mark of ['\\', '`']) if (mayFetch(instruction(lines, at, mark))) return at + 1
  }
  return null
}

function mayFetch(text: string): boolean {
  const [, sources] = /^\s*(?:onbuild\s+)*add\s(.*)$/is.exec(text) ?? []
  // Quotes and escapes are taken away before the builder looks at a word.
  return sources !== undefined && /:\/\/|[$\\`]|@\S*:/.test(sources.replace(/["']/g, ''))
}

/** The lines that an escape at their end makes one; comments and empty lines between them are none. */
function instruction(lines: readonly string[], from: number, mark: string): string {
  let text = ''
  for (const line of lines.slice(from, from + longest)) {
    if (text !== '' && /^\s*(#|$)/.test(line)) continue
    const end = line.trimEnd()
    if (!end.endsWith(mark)) return text + line
    text += end.slice(0, -1)
    if (text.length > 20 && !/^\s*(onbuild|add)\s/i.test(text)) return text
  }
  // What goes on for ever is not looked through; a name that begins there counts as one that may fetch.
  return `${text}$`
}
