/** Talks to a server through its own client: commands go through standard input, the password through the environment. */
import type { ExecOptions } from '../../server/devices/driver.ts'
import { UserError } from '../../server/errors.ts'
import { run, type Start } from '../shared/client.ts'

/** How a client gets to one of the servers. */
export interface Door {
  readonly start: Start
  readonly client: Pick<ExecOptions, 'command' | 'env'>
}

/** Says these, a command each; returns what is printed, with strings in quotes. Throws `unavailable` or `refused`. */
export async function say(door: Door, commands: readonly string[], seconds = 20): Promise<string[]> {
  const late = AbortSignal.timeout(seconds * 1000)
  const { command, env } = door.client
  const options = { command: [...command, '--no-raw'], signal: late, ...(env && { env }) }
  const ended = await run(door.start, options, `${commands.join('\n')}\n`).catch((error) => {
    throw late.aborted ? away(`no answer within ${seconds} s`) : error
  })
  if (late.aborted) throw away(`no answer within ${seconds} s`)
  if (ended.code !== 0) throw away(ended.stderr.trim() || `its client ended with ${ended.code}`)
  const lines = ended.output.split('\n')
  const problem = lines.find((line) => line.startsWith('(error) '))?.slice('(error) '.length)
  // The client goes on when the connection ends, and says so on its output.
  const isAway =
    /^(LOADING|MASTERDOWN|BUSY|NOAUTH) /.test(problem ?? '') || /^(Could not connect|Error: )/m.test(ended.output)
  if (isAway) throw away(problem ?? ended.output.trim())
  if (problem !== undefined) throw new UserError('refused', `Redis refused: ${problem}.`)
  return lines
}

/** A string as the client reads it, and prints it. */
export const quotedString = /"(?:[^"\\]|\\.)*"/g

export function away(why: string): UserError {
  return new UserError('unavailable', 'Redis does not answer.', undefined, why.split('\n').slice(-5))
}
