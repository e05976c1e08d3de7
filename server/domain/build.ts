/** A build: one pushed tree becomes images. Its number is that of the job that made it. */

export const buildStates = ['running', 'succeeded', 'failed', 'cancelled', 'interrupted'] as const
export type BuildState = (typeof buildStates)[number]

export interface Build {
  readonly id: number
  readonly app: string
  readonly commit: string
  readonly tree: string
  /** Name of the buildpack, null until one was found. */
  readonly buildpack: string | null
  readonly state: BuildState
  /** True when an image of the same tree and plan was there already. */
  readonly reused: boolean
  readonly result: string | null
  readonly startedAt: string
  readonly endedAt: string | null
}

/** What a buildpack decided, before anything is built. Equal plan and tree give an equal image. */
export interface Plan {
  readonly buildpack: string
  /** What was found and chosen, for the pusher: `Node 24 (engines >=20)`. */
  readonly summary: readonly string[]
  readonly dockerfile: string
  /** Files to add to the source, path → text. */
  readonly files: Readonly<Record<string, string>>
  /** Lines of a .dockerignore: what of the source stays out of the image. */
  readonly ignore: readonly string[]
  /** Bases that the Dockerfile starts from: `node:24`. */
  readonly bases: readonly string[]
  /** True when a step of the build sees the config vars. */
  readonly seesConfig: boolean
  /** Procfile, or the buildpack's own idea: process type → shell line; null runs the image's own command. */
  readonly processes: Readonly<Record<string, string | null>>
  /** False for a user's Dockerfile: it may need root and Docker's default capabilities. */
  readonly hardened: boolean
  readonly warnings: readonly string[]
}
