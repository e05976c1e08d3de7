/** An answer to a hook: lines as they come, then the exit code and what went wrong as trailers. */
import type { ServerResponse } from 'node:http'
import { codes, errorLines, UserError } from '../errors.ts'

export interface Answer {
  line(text: string): void
  end(failure?: UserError): void
}

/** The command reads standard input, which the hook only sends when it is asked to. */
export class InputWanted extends UserError {
  constructor(command: string, what: string) {
    super('usage', `${command} reads ${what} from standard input.`)
  }
}

export function startAnswer(response: ServerResponse): Answer {
  response.writeHead(200, {
    'content-type': 'text/plain; charset=utf-8',
    trailer: 'Megapolos-Exit, Megapolos-Error, Megapolos-Input',
  })
  response.flushHeaders()
  return {
    line: (text) => {
      if (!response.writableEnded) response.write(`${text}\n`)
    },
    end: (failure) => {
      if (response.writableEnded) return
      response.addTrailers(trailers(failure))
      response.end()
    },
  }
}

function trailers(failure: UserError | undefined): [string, string][] {
  const exit: [string, string] = ['Megapolos-Exit', String(failure ? codes[failure.code].exit : 0)]
  if (!failure) return [exit]
  if (failure instanceof InputWanted) return [['Megapolos-Input', 'wanted'], exit]
  return [...errorLines(failure).map((text): [string, string] => ['Megapolos-Error', headerSafe(text)]), exit]
}

/** Headers carry bytes; control characters are the one thing they cannot. */
function headerSafe(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are taken out
  return Buffer.from(text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, ' ')).toString('latin1')
}
