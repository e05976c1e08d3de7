/** What the house needs of a container engine. `docker.ts` is the only implementation; only this folder imports dockerode. */
import type { Ending, ObservedContainer } from '../domain/container.ts'
import type { GroupProcess } from '../domain/group.ts'
import type { ContainerSpec } from './container-spec.ts'

export interface Engine {
  /** Throws `unavailable` when the engine does not answer. */
  version(): Promise<{ readonly version: string; readonly api: string }>
  /** Throws `unavailable` as well. */
  info(): Promise<EngineInfo>

  /**
   * Makes the app network if it is not there: subnet such as `10.64.3.0/24`, bridge name at most 15 characters.
   * Addresses that the engine chooses itself come from `range`; the assigned ones stay outside of it.
   */
  ensureNetwork(network: {
    readonly name: string
    readonly subnet: string
    readonly gateway: string
    readonly range: string
    readonly bridge: string
    readonly app: string
  }): Promise<void>
  removeNetwork(name: string): Promise<void>

  /** Returns the container's id. */
  create(spec: ContainerSpec): Promise<string>
  start(id: string): Promise<void>
  /** From now on the engine itself starts it again when it ends, after its own restart too. Not an error when it is gone. */
  keep(id: string): Promise<void>
  /** SIGTERM, then SIGKILL after `seconds`. Not an error when it is stopped or gone. */
  stop(id: string, seconds: number): Promise<void>
  /** With force; not an error when it is gone. */
  remove(id: string): Promise<void>

  /** Every container of this system (label), or of one app; those of one-off commands are left out. */
  list(app?: string): Promise<ObservedContainer[]>
  /** One-off containers (`run`, release tasks), to clean up after a crash. */
  listOneOff(): Promise<(GroupProcess & { readonly id: string; readonly name: string })[]>
  /** Null when the container is gone. */
  inspect(id: string): Promise<ContainerDetails | null>
  /** Resolves when it has ended. */
  wait(id: string, signal?: AbortSignal): Promise<Ending>
  /** TCP ports that its processes listen on, with the address; read from /proc of the container's first process. */
  listening(id: string): Promise<{ readonly port: number; readonly loopbackOnly: boolean }[]>

  /** Lines in time order. Without `follow` it ends; with it, when the container is gone or `signal` aborts. */
  logs(
    id: string,
    options: { readonly tail: number | 'all'; readonly follow?: boolean; readonly signal?: AbortSignal },
  ): AsyncIterable<LogLine>

  /** Starts a created container with its streams attached (`run`). */
  attach(id: string, options: { readonly tty: boolean }): Promise<Session>
  /** Runs a command in a running container (`enter`). */
  exec(id: string, options: ExecWords): Promise<Session>

  /**
   * Events of this system's containers and of the engine itself. Never ends by itself: a cut connection is resumed from
   * the last event, and `reconnected` is yielded so that the reader looks at everything again.
   */
  events(signal: AbortSignal): AsyncIterable<EngineEvent>

  /** The id (`sha256:…`) of an image by tag or id, its exposed TCP ports and its own user; null when it is not there. */
  image(
    reference: string,
  ): Promise<{ readonly id: string; readonly ports: readonly number[]; readonly user: string } | null>
  tag(image: string, repository: string, tag: string): Promise<void>
}

export interface EngineInfo {
  readonly version: string
  readonly api: string
  /** Folder of its images and containers. */
  readonly root: string
  /** Containers go on while the engine itself is restarted. */
  readonly liveRestore: boolean
  readonly rootless: boolean
  /** User ids in containers are others than on the machine. */
  readonly remapped: boolean
  /** Its clock, in milliseconds. */
  readonly time: number
}

export interface ContainerDetails {
  readonly state: ObservedContainer['state']
  readonly pid: number
  readonly address: string | null
  readonly startedAt: string
  readonly ending: Ending | null
}

export interface LogLine {
  /** RFC 3339 with nanoseconds, as Docker gives it. */
  readonly at: string
  readonly stream: 'stdout' | 'stderr'
  readonly text: string
}

export interface ExecWords {
  readonly command: readonly string[]
  readonly tty: boolean
  /** `NAME=value`. */
  readonly env?: readonly string[]
  /** The container's own when left out. */
  readonly user?: string
}

/** A running command with its streams. With a tty everything arrives on `stdout`. */
export interface Session {
  readonly stdin: NodeJS.WritableStream
  readonly stdout: NodeJS.ReadableStream
  readonly stderr: NodeJS.ReadableStream
  resize(columns: number, rows: number): Promise<void>
  /** Exit code, once it has ended and its output was read. */
  readonly exit: Promise<number>
  kill(): Promise<void>
}

export type EngineEvent =
  | {
      readonly kind: 'started' | 'died' | 'removed'
      readonly id: string
      readonly app: string
      readonly exitCode?: number
    }
  | { readonly kind: 'reconnected' }
  | { readonly kind: 'disconnected' }
