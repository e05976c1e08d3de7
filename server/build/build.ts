/** The stage that turns a pushed tree into images: detect → plan → Dockerfile → image. */
import type { App } from '../domain/app.ts'
import type { Build } from '../domain/build.ts'
import type { Checks, Process } from '../domain/release.ts'
import type { Source } from '../domain/source.ts'

export interface BuildInput {
  readonly app: Pick<App, 'id' | 'name'>
  readonly commit: string
  readonly tree: string
  readonly source: Source
  /** Config vars, for a build step's secret mount. */
  readonly config: Readonly<Record<string, string>>
  /** Number of the job, which is that of the build. */
  readonly id: number
  readonly emit: (line: string) => void
  readonly signal: AbortSignal
}

/** What a release is made of. */
export interface Built {
  readonly build: Build['id'] | null
  readonly processes: Readonly<Record<string, Process>>
  readonly hardened: boolean
  readonly checks: Checks
  /** `formation` of app.json: wishes for types that were never scaled. */
  readonly formation: Readonly<Record<string, number>>
  /** `addons` of app.json: what a first push creates and attaches. */
  readonly addons: readonly Addon[]
  readonly reused: boolean
}

/** The name before the colon of `name:plan`; plans mean nothing here. */
export interface Addon {
  readonly name: string
  /** Alias of the attachment. */
  readonly as: string | null
}

export interface BuildStage {
  /** Throws `refused` with the cause and the failing lines. */
  build(input: BuildInput): Promise<Built>
}
