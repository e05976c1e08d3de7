/** Release + process → what the engine is asked for. Pure: the whole of a container is a value that tests can read. */
import type { Place } from '../domain/container.ts'

export interface ContainerSpec {
  readonly name: string
  readonly image: string
  /** Null: the image's own command. */
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly hostname: string
  readonly network: string
  /** Null: the engine chooses (one-off containers). */
  readonly address: string | null
  /** MiB. */
  readonly memory: number
  readonly pids: number
  /** True: user 1000, every capability dropped. */
  readonly hardened: boolean
  readonly restart: boolean
  readonly tty: boolean
  readonly stdin: boolean
}

/** What a spec is made of. */
export interface SpecInput {
  readonly system: string
  readonly appName: string
  readonly place: Place
  readonly process: { readonly image: string; readonly command: readonly string[] | null; readonly port: number | null }
  readonly config: Readonly<Record<string, string>>
  readonly commit: string
  readonly hardened: boolean
  readonly network: string
  readonly address: string
  readonly memory: number
}
