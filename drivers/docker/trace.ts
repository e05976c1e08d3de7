/** BuildKit's progress (`moby.buildkit.trace`, a protobuf StatusResponse) as plain values. */
import { fields } from './protobuf.ts'

/** A step of the build; it is reported again whenever something about it changes. */
export interface Vertex {
  readonly digest: string
  readonly name: string
  readonly cached: boolean
  readonly started: boolean
  readonly completed: boolean
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
  const vertex = { digest: '', name: '', cached: false, started: false, completed: false, error: '' }
  for (const [number, value] of fields(message)) {
    if (number === 1) vertex.digest = String(value)
    else if (number === 3) vertex.name = String(value)
    else if (number === 4) vertex.cached = value !== 0
    else if (number === 5) vertex.started = true
    else if (number === 6) vertex.completed = true
    else if (number === 7) vertex.error = String(value)
  }
  return vertex
}

function readOutput(message: Buffer): Output {
  const output = { vertex: '', text: Buffer.alloc(0) }
  for (const [number, value] of fields(message)) {
    if (number === 1) output.vertex = String(value)
    else if (number === 4 && typeof value !== 'number') output.text = Buffer.from(value)
  }
  return output
}
