/** What a pusher reads while BuildKit works: the steps that run and their output; and which step failed, and how. */
import { StringDecoder } from 'node:string_decoder'
import { stripVTControlCharacters } from 'node:util'
import { UserError } from '../../server/errors.ts'
import type { Output, Trace, Vertex } from './trace.ts'

const keptLines = 20
const longestStep = 160
const longestLine = 64 * 1024

const diskFull = /no space left on device/i

interface Step {
  readonly title: string | null
  readonly image: string | null
  readonly decoder: StringDecoder
  rest: string
  lines: string[]
  told: boolean
}

export class Progress {
  readonly #log: (line: string) => void
  readonly #steps = new Map<string, Step>()
  #speaking = ''
  #failed: { step: Step; error: string } | null = null

  constructor(log: (line: string) => void) {
    this.#log = log
  }

  take(trace: Trace): void {
    for (const vertex of trace.vertexes) this.#takeVertex(vertex)
    for (const output of trace.outputs) this.#takeOutput(output)
  }

  /** What to tell of the engine's error, with the last lines of the step that failed. */
  failure(engineError: string): UserError {
    const failed = this.#failed
    if ([engineError, ...(failed?.step.lines ?? [])].some((line) => diskFull.test(line))) {
      const hint = 'Make room, and push again. What can go: ssh megapolos server:gc --dry-run'
      return new UserError('unavailable', 'The disk was full before the build was done.', hint, failed?.step.lines)
    }
    if (!failed) return new UserError('refused', `The build failed: ${withoutPreamble(engineError)}.`)
    if (failed.step.image) {
      return new UserError(
        'refused',
        `The image ${failed.step.image} could not be fetched.`,
        'Check its name, and that this server reaches the registry.',
        [withoutPreamble(failed.error)],
      )
    }
    const step = failed.step.title ?? 'a step'
    const code = /exit code: (\d+)/.exec(failed.error)?.[1]
    if (!code) return new UserError('refused', `The build failed at "${step}": ${withoutPreamble(failed.error)}.`)
    const reason = code === '137' ? 'it was killed, most likely out of memory' : `exit code ${code}`
    return new UserError('refused', `The build failed at "${step}" (${reason}).`, undefined, failed.step.lines)
  }

  #takeVertex(vertex: Vertex): void {
    const step = this.#step(vertex)
    if (vertex.error && !this.#failed) this.#failed = { step, error: vertex.error }
    if (vertex.completed && step.rest) this.#say(vertex.digest, step, step.rest)
    // Copies are quick and of no interest; an unchanged `npm ci` explains why the build is quick.
    if (step.told || !step.title?.startsWith('RUN ')) return
    if (vertex.cached) {
      step.told = true
      this.#log(`${step.title} (unchanged)`)
    } else if (vertex.started && !vertex.completed) {
      this.#announce(vertex.digest, step)
    }
  }

  #takeOutput(output: Output): void {
    const step = this.#steps.get(output.vertex)
    if (!step) return
    const parts = (step.rest + step.decoder.write(output.text)).split('\n')
    const rest = parts.pop() ?? ''
    for (const part of parts) this.#say(output.vertex, step, part)
    // A line without end is kept until more comes, but not for ever.
    step.rest = rest.length > longestLine ? '' : rest
    if (rest.length > longestLine) this.#say(output.vertex, step, rest)
  }

  #say(digest: string, step: Step, part: string): void {
    const line = readable(part)
    step.rest = ''
    if (line.trim() === '') return
    step.lines.push(line)
    if (step.lines.length > keptLines) step.lines.shift()
    // Steps run side by side: their name comes again when the speaker changes.
    if (this.#speaking !== digest) this.#announce(digest, step)
    this.#log(`  ${line}`)
  }

  #announce(digest: string, step: Step): void {
    if (step.title) this.#log(step.title)
    step.told = true
    this.#speaking = digest
  }

  #step(vertex: Vertex): Step {
    const known = this.#steps.get(vertex.digest)
    if (known) return known
    const step: Step = { ...names(vertex.name), decoder: new StringDecoder(), rest: '', lines: [], told: false }
    this.#steps.set(vertex.digest, step)
    return step
  }
}

/** `[deps 3/4] RUN --mount=… npm ci` → `RUN npm ci`. The engine's own steps have no title. */
function names(vertex: string): { title: string | null; image: string | null } {
  const image = /^\[internal\] load metadata for (?:docker\.io\/library\/)?(\S+)/.exec(vertex)?.[1] ?? null
  const instruction = /^\[(?:\S+ +)?\d+\/\d+\] (.*)$/s.exec(vertex)?.[1]
  if (!instruction || /^(FROM|WORKDIR)\b/.test(instruction)) return { title: null, image }
  const words = instruction.replace(/^(\w+)((?: +--\S+)+)/, '$1').replace(/\s+/g, ' ')
  return { title: words.length > longestStep ? `${words.slice(0, longestStep)}…` : words, image }
}

/** One line for any terminal: what a carriage return overwrote is gone, and so are control sequences. */
function readable(line: string): string {
  const shown = line.replace(/\r+$/, '').split('\r').pop() ?? ''
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach a terminal
  return stripVTControlCharacters(shown).replace(/[\x00-\x08\x0b-\x1f\x7f]/g, '')
}

/** The engine wraps its errors in the names of its parts. */
function withoutPreamble(error: string): string {
  return error
    .replace(/^((failed to solve[^:]*|rpc error|failed to create LLB definition): (code = \w+ desc = )?)+/, '')
    .replace(/\.$/, '')
}
