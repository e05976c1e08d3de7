/** The desired state, a file a noun. `openStore` opens the database, migrates it and builds these. */
import type { Key, SocketGrant, Token } from '../domain/access.ts'
import type { App, Formation, ProcessScale } from '../domain/app.ts'
import type { Build, BuildState } from '../domain/build.ts'
import type { Place } from '../domain/container.ts'
import type { Event, EventKind } from '../domain/event.ts'
import type { Job, JobState } from '../domain/job.ts'
import type { Release } from '../domain/release.ts'
import type { Domain, Redirect } from '../domain/route.ts'
import type { Approvals } from './approvals.ts'
import type { Audit } from './audit.ts'
import type { Backups } from './backups.ts'
import type { Certificates } from './certificates.ts'
import type { DeviceSecrets } from './device-secrets.ts'
import type { Devices } from './devices.ts'
import type { Endpoints } from './endpoints.ts'
import type { Links } from './links.ts'
import type { Routing } from './routing.ts'
import type { Schedules } from './schedules.ts'
import type { Attachments, Credentials, Databases } from './store-attachments.ts'
import type { Volumes } from './volumes.ts'
import type { Webhooks } from './webhooks.ts'

export interface Store {
  readonly apps: Apps
  readonly config: ConfigVars
  readonly domains: Domains
  readonly certificates: Certificates
  readonly routing: Routing
  readonly formations: Formations
  readonly releases: Releases
  readonly builds: Builds
  readonly addresses: Addresses
  readonly jobs: Jobs
  readonly keys: Keys
  readonly tokens: Tokens
  readonly socketGrants: SocketGrants
  readonly devices: Devices
  readonly volumes: Volumes
  readonly approvals: Approvals
  readonly backups: Backups
  readonly schedules: Schedules
  readonly webhooks: Webhooks
  readonly databases: Databases
  readonly attachments: Attachments
  readonly credentials: Credentials
  readonly links: Links
  readonly deviceSecrets: DeviceSecrets
  readonly endpoints: Endpoints
  readonly settings: Settings
  readonly audit: Audit
  readonly events: Events
  /** Resolves when the store answers; throws `unavailable` after `timeout` ms. */
  ping(timeout?: number): Promise<void>
  backup(path: string): Promise<void>
  restore(path: string): Promise<void>
  close(): Promise<void>
}

/** What apps may at their own sockets, besides reading themselves; gone with either of the two apps. */
export interface SocketGrants {
  of(app: string): Promise<SocketGrant[]>
  /** Instead of what it may on this target already. */
  set(app: string, grant: SocketGrant): Promise<void>
  /** False when there is none. */
  remove(app: string, target: string): Promise<boolean>
}

export interface Apps {
  list(): Promise<App[]>
  /** By name; throws `not-found` naming the nearest app. */
  get(name: string): Promise<App>
  find(name: string): Promise<App | null>
  byId(id: string): Promise<App | null>
  /** With its default host, in one batch. Throws `conflict` when the name or `<name>.<global domain>` is taken, naming the owner. */
  create(name: string, actor: string): Promise<App>
  /** Renames it and its default host. Throws `conflict`. */
  rename(id: string, name: string): Promise<void>
  /** With everything that belongs to it; its logins are to be revoked. */
  destroy(id: string): Promise<void>
  /** Sets the branch if none is set; false when another is. */
  claimBranch(id: string, branch: string): Promise<boolean>
  /** The point of no return of a rollout: release → live, group, not stopped, its logins; in one batch. */
  serve(id: string, release: number, group: string): Promise<void>
  /** Whether the group that serves began to at this time or later. */
  servedSince(id: string, at: string): Promise<boolean>
  setStopped(id: string, stopped: boolean): Promise<void>
  /** Lowest free index of the pool below `size`, kept for ever; throws `unavailable` when the pool is used up. */
  assignSubnet(id: string, size: number): Promise<number>
}

/** Config vars as saved; the next release takes them. Values are encrypted at rest. */
export interface ConfigVars {
  get(app: string): Promise<Record<string, string>>
  /** Null unsets. All or nothing. */
  set(app: string, changes: Readonly<Record<string, string | null>>): Promise<void>
  /** Makes the saved ones equal to those of a release. */
  replace(app: string, values: Readonly<Record<string, string>>): Promise<void>
}

/** An address is a host, or a host and a path: `example.com/api`. */
export interface Domains {
  /** Redirects among them. */
  list(): Promise<Domain[]>
  ofApp(app: string): Promise<Domain[]>
  /** Throws `conflict` naming the app that holds one of them; adds all or none. */
  add(app: string, addresses: readonly string[]): Promise<void>
  /** Redirects as well. */
  remove(app: string, addresses: readonly string[]): Promise<void>
  /** Replaces the custom ones by these, all or none; those of `taken` leave their apps at the same moment. */
  set(app: string, addresses: readonly string[], taken?: readonly Domain[]): Promise<void>
  /** A new one, or another destination of the app's own. Throws `conflict` naming the app that holds the host. */
  redirect(app: string, host: string, to: Redirect): Promise<void>
  /** Null: none of them. */
  setCanonical(app: string, host: string | null): Promise<void>
  global(): Promise<string>
  /** Moves every app's default host under it, all or none; throws `conflict` naming the taken one. */
  setGlobal(domain: string): Promise<void>
}

export interface Formations {
  get(app: string): Promise<Formation>
  set(app: string, scales: Readonly<Record<string, ProcessScale>>): Promise<void>
}

export interface Releases {
  /** Newest first; only those that served once. */
  list(app: string): Promise<Release[]>
  get(app: string, version: number): Promise<Release | null>
  /** Numbers it (last version + 1) and stores it as pending: it is in no list until `Apps.serve`. */
  create(release: Omit<Release, 'version' | 'createdAt'>): Promise<Release>
  /** Removes a pending release that came to nothing; its number is given again. */
  discard(app: string, version: number): Promise<void>
  /** Removes every pending release of every app: leftovers of a kernel that died. */
  discardPending(): Promise<void>
  /** An image of this app with this content key, from any earlier build; null when none is known. */
  imageFor(app: string, contentKey: string): Promise<string | null>
  rememberImage(app: string, contentKey: string, image: string): Promise<void>
  forgetImage(app: string, image: string): Promise<void>
  /** Every release of the app that has one of these images (keys) gets what was built again for it: the same by another id. */
  replaceImages(app: string, images: Readonly<Record<string, string>>): Promise<void>
  /** What releases refer to, pending ones too, of all apps or of one; newest first. */
  outlines(app?: string): Promise<ReleaseOutline[]>
  /** Never the one that serves, nor the newest: numbers are not given again. */
  forget(app: string, versions: readonly number[]): Promise<void>
}

export interface ReleaseOutline {
  readonly app: string
  readonly version: number
  readonly served: boolean
  readonly commit: string
  readonly build: number | null
  readonly images: readonly string[]
}

export interface Builds {
  /** Ends any other one of the app that is still called running. */
  start(build: Pick<Build, 'id' | 'app' | 'commit' | 'tree'>): Promise<void>
  setBuildpack(id: number, buildpack: string): Promise<void>
  end(id: number, state: BuildState, result: string, reused: boolean): Promise<void>
  list(app: string | null, limit: number): Promise<Build[]>
  get(id: number): Promise<Build | null>
  /** Running ones → interrupted. */
  interruptAll(): Promise<void>
}

/** Addresses inside the app's subnet. One is free again only after `release`, once the proxy confirmed its removal. */
export interface Addresses {
  /** Host numbers (2 … 239) in the app's subnet: a place keeps the one that it has, others get the lowest free ones; all or nothing. */
  assign(app: string, places: readonly Place[]): Promise<number[]>
  list(app: string): Promise<readonly (Place & { readonly host: number })[]>
  release(app: string, hosts: readonly number[]): Promise<void>
}

export interface Jobs {
  /** A job whose turn it is starts as `running`: one write less, and a push is to be quick. */
  create(job: {
    readonly kind: string
    readonly app: string | null
    readonly actor: string
    readonly state: 'queued' | 'running'
  }): Promise<Job>
  /**
   * Compare and set: false when the job is no longer in `from`. Sets startedAt and endedAt; `running` takes a lease.
   * A move that `nextJobStates` does not allow throws.
   */
  move(
    id: number,
    from: JobState,
    to: JobState,
    outcome?: { readonly result: string; readonly operations: readonly string[] },
  ): Promise<boolean>
  /** Extends the leases of these running jobs to `until` (ISO 8601). */
  heartbeat(ids: readonly number[], until: string): Promise<void>
  record(id: number, operations: readonly string[]): Promise<void>
  get(id: number): Promise<Job | null>
  /** Newest first. */
  list(filter: { readonly app?: string; readonly active?: boolean; readonly limit: number }): Promise<Job[]>
  /** Queued and running ones → interrupted, and returns them: the kernel that ran them is gone. */
  interruptAll(result: string): Promise<Job[]>
  /** All of them, newest first, in few words. */
  outlines(): Promise<JobOutline[]>
  /** With their builds; returns those that are gone. Never one that waits or runs, nor one whose build a release names. */
  forget(ids: readonly number[]): Promise<number[]>
}

export interface JobOutline {
  readonly id: number
  readonly app: string | null
  /** Waits or runs. */
  readonly active: boolean
  readonly createdAt: string
}

export interface Keys {
  list(): Promise<Key[]>
  byName(name: string): Promise<Key | null>
  /** Throws `conflict` when the name or the key is there already, saying which. */
  add(key: Omit<Key, 'createdAt'>): Promise<Key>
  remove(name: string): Promise<boolean>
}

/** Known by the SHA-256 of each, in hexadecimal digits: nobody can read a token here. */
export interface Tokens {
  list(): Promise<Token[]>
  /** Also one that has expired. */
  byHash(hash: string): Promise<Token | null>
  /** Throws `conflict` when the name is taken, `not-found` when one of the apps is gone. */
  add(token: Omit<Token, 'lastUsedAt' | 'createdAt'>, hash: string): Promise<Token>
  used(name: string, at: string): Promise<void>
  revoke(name: string): Promise<boolean>
}

/** Which drivers that are not trusted code may do what. */
export interface Settings {
  get(name: string): Promise<string | null>
  set(name: string, value: string): Promise<void>
}

export interface Events {
  /** All or none, in this order; the oldest beyond 10,000 go. */
  add(events: readonly Omit<Event, 'id'>[]): Promise<void>
  /** The newest, oldest of them first; `after` an id, only later ones. `app` is a name: now, or when it happened. */
  list(filter: { readonly app?: string; readonly after?: number; readonly limit: number }): Promise<Event[]>
  lastOf(kind: EventKind): Promise<Event | undefined>
}
