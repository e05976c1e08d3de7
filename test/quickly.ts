/** Runs a program of the test machine to its end: words in, standard output back, a failure throws with all it said. */
import { execFile } from 'node:child_process'

export function quickly(program: string, ...words: string[]): Promise<string> {
  return feed('', program, ...words)
}

/** The same, with something on its standard input. */
export function feed(input: string, program: string, ...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, words, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${words.join(' ')} ended with ${error.code}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
    // A program that reads nothing may be gone before it was written to.
    child.stdin?.on('error', () => {}).end(input)
  })
}
