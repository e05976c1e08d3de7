/** One command asked for at the kernel's socket, by a door that is a process of its own. */
import { request } from 'node:http'
import { text } from 'node:stream/consumers'

export interface KernelRequest {
  readonly socket: string
  /** What the kernel keeps of the asker's token. */
  readonly token: string
  readonly from: string
  readonly words: readonly string[]
}

export interface KernelAnswer {
  readonly lines: readonly string[]
  /** As in errors.ts; 0 when it was done. */
  readonly exit: number
  /** What went wrong, for people. */
  readonly errors: readonly string[]
}

/** While the kernel starts again somebody may have connected to it already. */
const patience = 30_000
const noKernel: KernelAnswer = {
  lines: [],
  exit: 75,
  errors: [' !     MegapolOS is not running; apps go on serving.', ' !     Try again in a minute.'],
}

export function askKernel({ socket, token, from, words }: KernelRequest): Promise<KernelAnswer> {
  return new Promise((resolve) => {
    const asked = request({
      socketPath: socket,
      path: '/command',
      method: 'POST',
      headers: { 'megapolos-token': token, 'megapolos-from': from, 'megapolos-form': 'words' },
      timeout: patience,
    })
    asked.once('timeout', () => asked.destroy())
    asked.once('error', () => resolve(noKernel))
    asked.once('response', (answer) => {
      text(answer).then(
        (said) => resolve({ lines: said.split('\n').slice(0, -1), ...trailers(answer.rawTrailers) }),
        () => resolve(noKernel),
      )
    })
    asked.end(words.map((word) => `${word}\x1e`).join(''))
  })
}

/** Without them the kernel died under us. */
function trailers(raw: readonly string[]): Pick<KernelAnswer, 'exit' | 'errors'> {
  const values = (name: string) => raw.filter((_, at) => at % 2 === 1 && raw[at - 1]?.toLowerCase() === name)
  const [exit] = values('megapolos-exit')
  if (exit === undefined) return noKernel
  return {
    exit: Number(exit),
    errors: values('megapolos-error').map((line) => indented(Buffer.from(line, 'latin1').toString())),
  }
}

/** As `errorLines` had it: HTTP drops the blanks that a value begins with. */
function indented(line: string): string {
  return line.startsWith('!') ? ` ${line}` : `       ${line}`
}
