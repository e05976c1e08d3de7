/** What a buildpack is: a folder whose `index.ts` exports `detect`, a function from a file list to a plan. */
import type { Plan } from '../domain/build.ts'
import type { Source } from '../domain/source.ts'

/** The pushed tree as a buildpack sees it: names, and the text of small files. */
export type SourceView = Pick<Source, 'files' | 'read'>

/** What a plan depends on besides the tree. */
export interface Surroundings {
  readonly bases: Bases
  /** Keyed hash of the config vars: a step that sees them names it, and so runs again when they change. */
  readonly configHash: string
  /** Process type → shell line, from the Procfile; null without one. */
  readonly procfile: Readonly<Record<string, string>> | null
}

export interface Bases {
  /** Versions that bases of this language can be made of, oldest first, and the one to take when nothing is asked for. */
  versions(language: string): { readonly all: readonly string[]; readonly default: string }
  /** Image name for a FROM line. */
  reference(language: string, version: string, kind: 'run' | 'build'): string
}

/** Null when the tree is not this buildpack's; throws `refused` when it is, but cannot be built. */
export type Detect = (source: SourceView, around: Surroundings) => Promise<Plan | null>

/** `buildpack.json`. */
export interface BuildpackManifest {
  readonly name: string
  readonly description: string
  /** The file that makes a tree this buildpack's, for the sentence that says that nothing fits. */
  readonly looksFor: string
  readonly base?: {
    readonly versions: readonly string[]
    readonly default: string
    /** Image of Docker Hub with a place for the version. */
    readonly hub: string
    /** File in the build context → package of the npm registry, for a base made without Docker Hub. */
    readonly local?: Readonly<Record<string, string>>
  }
}
