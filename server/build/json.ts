/** Parses a JSON file of the pushed tree; the refusal names the file and the line. */
import { UserError } from '../errors.ts'

export function parseJsonFile(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    if (text.length > longestSearched) throw new UserError('refused', `${name} is not valid JSON.`)
    const line = text.slice(0, placeOfError(text)).split('\n').length
    throw new UserError('refused', `${name} is not valid JSON: there is a mistake in line ${line}.`)
  }
}

/** To find the mistake in a lock file of many megabytes would take the kernel's time for seconds. */
const longestSearched = 1024 * 1024

/** Length of the longest beginning that could still become JSON. The engine's own message has the place only at times. */
function placeOfError(text: string): number {
  let good = 0
  let bad = text.length + 1
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (couldGoOn(text.slice(0, middle))) good = middle
    else bad = middle
  }
  return good
}

function couldGoOn(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    const { message } = error as SyntaxError
    const place = /at position (\d+)/.exec(message)?.[1]
    return /Unexpected end|Unterminated/.test(message) || Number(place) === text.length
  }
}
