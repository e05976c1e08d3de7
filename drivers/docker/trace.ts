/** BuildKit's progress (`moby.buildkit.trace`, a protobuf StatusResponse) as plain values. */
import { fields } from './protobuf.ts'

/** A step of the build; it is reported again whenever something about it changes. */
export interface Vertex {
  readonly digest: string
  readonly name: string
  readonly cached: boolean
  /** Milliseconds since 1970; null: not yet. */
  readonly started: number | null
  readonly completed: number | null
  readonly error: string
}

export interface Output {
  readonly vertex: string
  readonly text: Buffer
}

export interface Trace {
  readonly vertexes: readonly Vertex[]
  readonly outputs: readonly Output[]
}

export function readTrace(message: Buffer): Trace {
  const vertexes: Vertex[] = []
  const outputs: Output[] = []
  for (const [number, value] of fields(message)) {
    if (typeof value === 'number') continue
    if (number === 1) vertexes.push(readVertex(value))
    if (number === 3) outputs.push(readOutput(value))
  }
  return { vertexes, outputs }
}

function readVertex(message: Buffer): Vertex {
  const vertex = { digest: '', name: '', cached: false, error: '', ...never }
  for (const [number, value] of fields(message)) {
    if (number === 1) vertex.digest = String(value)
    else if (number === 3) vertex.name = String(value)
    else if (number === 4) vertex.cached = value !== 0
    else if (number === 5) vertex.started = time(value)
    else if (number === 6) vertex.completed = time(value)
    else if (number === 7) vertex.error = String(value)
  }
  return vertex
}

const never: Pick<Vertex, 'started' | 'completed'> = { started: null, completed: null }

function time(message: Buffer | number): number | null {
  if (typeof message === 'number') return null
  const [seconds, nanos] = [1, 2].map((wanted) => {
    for (const [number, value] of fields(message)) if (number === wanted) return Number(value)
    return 0
  })
  return (seconds ?? 0) * 1000 + (nanos ?? 0) / 1e6
}

function readOutput(message: Buffer): Output {
  const output = { vertex: '', text: Buffer.alloc(0) }
  for (const [number, value] of fields(message)) {
    if (number === 1) output.vertex = String(value)
    else if (number === 4 && typeof value !== 'number') output.text = Buffer.from(value)
  }
  return output
}
