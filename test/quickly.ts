/** Runs a program of the test machine to its end: words in, standard output back, a failure throws with all it said. */
import { execFile } from 'node:child_process'

export function quickly(program: string, ...words: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const settings = { maxBuffer: 64 * 1024 * 1024 }
    const child = execFile(program, words, settings, (error, stdout, stderr) => {
      if (error) reject(new Error(`${program} ${words.join(' ')} failed: ${error.code}\n${stdout}${stderr}`))
      else resolve(stdout)
    })
    child.stdin?.end()
  })
}
