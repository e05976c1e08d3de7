/** What garbage collection looks at, and what it may do. Nothing but data: the planner is a function from one to the other. */
import { bytesText } from '../domain/bytes.ts'
import type { Operation } from '../domain/operation.ts'
import type { StoredContainer, StoredImage, Usage } from '../engine/storage.ts'
import type { JobOutline, ReleaseOutline } from '../state/store.ts'

export interface World {
  /** Milliseconds since 1970. */
  readonly now: number
  readonly apps: readonly AppOutline[]
  /** Pending ones too; of an app the newest first. */
  readonly releases: readonly ReleaseOutline[]
  readonly images: readonly StoredImage[]
  /** Names of the bases that builds of this version start from. */
  readonly bases: ReadonlySet<string>
  /** Of the whole machine. */
  readonly containers: readonly StoredContainer[]
  readonly networks: readonly { readonly name: string; readonly app: string }[]
  /** Ids of apps that have a repository. */
  readonly repositories: readonly string[]
  /** Newest first. */
  readonly jobs: readonly JobOutline[]
  /** Numbers of jobs that have a log file. */
  readonly logs: readonly number[]
  /** Lines of the audit log that are beyond what is kept. */
  readonly expiredAudit: number
  readonly space: Space
}

export interface AppOutline {
  readonly id: string
  readonly name: string
  /** The release that serves. */
  readonly release: number | null
  /** A job of it waits or runs. */
  readonly busy: boolean
}

/** Bytes of images and build cache, and how many of them there may be. */
export interface Space extends Pick<Usage, 'imageBytes' | 'cache'> {
  readonly budget: number
}

/** How much of what is of no more use than to look back stays. */
export const keeps = {
  /** Releases of an app that can be rolled back to. */
  releases: 20,
  /** Releases of an app whose images stay even when the disk budget is used up. Others are built again. */
  images: 5,
  /** Jobs of an app, with their builds and logs, for at most so many days. */
  jobs: 100,
  jobDays: 90,
  /** Lines of the audit log, for at most so many days. */
  audit: 50_000,
  auditDays: 180,
  /** Milliseconds that a base stays although nothing needs it: an upgrade makes the new ones before the old kernel has ended. */
  baseAge: 24 * 3_600_000,
  /** Bytes of build cache that stay as long as there are old images to remove. */
  cache: 1_000_000_000,
} as const

export type Keeps = { readonly [name in keyof typeof keeps]: number }

export const day = 24 * 3_600_000

/** By app. */
export type KeptReleases = ReadonlyMap<string, World['releases']>

/** One removal. `app` is the app whose turn it needs; null needs none. */
export type Removal = { readonly why: string } & (
  | { readonly kind: 'releases'; readonly app: string; readonly name: string; readonly versions: readonly number[] }
  | {
      readonly kind: 'image'
      readonly app: string | null
      readonly image: string
      readonly name: string
      readonly bytes: number
    }
  | { readonly kind: 'container'; readonly app: null; readonly id: string; readonly name: string }
  | { readonly kind: 'network'; readonly app: null; readonly name: string }
  | { readonly kind: 'repository'; readonly app: null; readonly id: string }
  | { readonly kind: 'jobs' | 'logs'; readonly app: null; readonly ids: readonly number[] }
  | { readonly kind: 'audit'; readonly app: null; readonly count: number }
  | { readonly kind: 'cache'; readonly app: null; readonly keep: number; readonly bytes: number }
)

/** As a person reads it. */
export function operationOf(removal: Removal): Operation {
  return { do: 'collect', what: what(removal), why: removal.why }
}

function what(removal: Removal): string {
  switch (removal.kind) {
    case 'releases': {
      const [first, last] = [removal.versions[0], removal.versions.at(-1)]
      return `${first === last ? `v${first}` : `v${first} … v${last}`} of ${removal.name}`
    }
    case 'image':
      return `image ${removal.name}, ${bytesText(removal.bytes)}`
    case 'container':
    case 'network':
      return `${removal.kind} ${removal.name}`
    case 'repository':
      return `repository ${removal.id}.git`
    case 'jobs':
      return `${removal.ids.length} old jobs with their builds and logs`
    case 'logs':
      return `${removal.ids.length} job logs`
    case 'audit':
      return `${removal.count} lines of the audit log`
    case 'cache':
      return `${bytesText(removal.bytes)} of build cache`
  }
}
