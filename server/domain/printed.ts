/** What strangers wrote - a program's output, a line of a Procfile - as it may be shown to somebody else. */

/** Sequences that begin with ESC, each as a whole, and single control characters; tab and newline are text. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are meant
const controls = /\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(\x07|\x1b\\)?|[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above
const colour = /^\x1b\[[\d;:]*m$/

/** Without anything that only a terminal understands. */
export function plain(text: string): string {
  return text.replace(controls, '')
}

/** For a terminal: colours stay, and end with the text. What moves, retitles, copies or answers is gone. */
export function coloured(text: string): string {
  if (!text.includes('\x1b')) return plain(text)
  const kept = text.replace(controls, (found) => (colour.test(found) ? found : ''))
  return kept.includes('\x1b') ? `${kept}\x1b[0m` : kept
}

/** On one line, with a mark where a character stood that would steer a terminal: somebody may have wanted to hide something. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are taken out
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')
}
