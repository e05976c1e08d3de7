/**
 * What a driver is given, and what it gives. A module's `index.ts` exports `createDriver(host): <its class's interface>`;
 * a driver that runs as a container speaks the same two interfaces as JSON-RPC.
 */
import type { Readable, Writable } from 'node:stream'
import type { Log } from '../log.ts'

/** What every driver knows of where it works. */
export interface HostBasics {
  /**
   * Folder of the device, made with mode 0700; a module keeps its files there. A server on the node that runs as another
   * user keeps its own in `/var/lib/<software>/megapolos-<system>-<device>`: `uninstall --purge` looks there too.
   */
  readonly folder: string
  /** Short name of this installation, for things that share a machine with another one. */
  readonly system: string
  readonly settings: Readonly<Record<string, string | number>>
  /** Engine API socket; only for a module with the privilege `engine`. */
  readonly engineSocket?: string
  readonly log: Log
}

/** Calls whose privilege the manifest does not name, or nobody approved, throw `forbidden` and are audited. */
export interface DriverHost extends HostBasics {
  /** Name of the device. */
  readonly device: string
  /** Privilege `exec:node`. */
  readonly node: NodeCalls
  /** Privilege `containers`. */
  readonly containers: ContainerCalls
  /** Privilege `network`. */
  readonly network: NetworkCalls
  /** Privilege `secrets`. */
  readonly secrets: SecretCalls
  /** Privilege `volume`; only for a module. */
  readonly volume: VolumeCalls
}

export type CreateDriver<T> = (host: DriverHost) => T

/** A program with its streams. Whoever starts one reads `stdout` to its end, or aborts the signal. */
export interface Process {
  readonly stdin: Writable
  readonly stdout: Readable
  /** Exit code and the last 4 KiB of standard error, once it has ended and its output was read. */
  readonly ended: Promise<{ readonly code: number; readonly stderr: string }>
}

export interface ExecOptions {
  /** Words, never a shell line. Nothing secret: process lists show them. */
  readonly command: readonly string[]
  /** Secrets go here. */
  readonly env?: Readonly<Record<string, string>>
  /** User to run as; its own default when left out. */
  readonly user?: string
  readonly signal?: AbortSignal
}

export interface NodeCalls {
  exec(options: ExecOptions): Promise<Process>
  /** Debian packages, installed unless they are there; their own units are kept from starting. Says whether one was missing. */
  packages(names: readonly string[], progress: (line: string) => void): Promise<{ readonly installed: boolean }>
  /**
   * Keeps a server program alive under this name until `stop`, through restarts of the kernel and of the machine; safe to
   * repeat, and restarted when its words have changed. `stopSignal` asks it to end: SIGTERM when left out.
   */
  serve(server: {
    readonly name: string
    readonly command: readonly string[]
    readonly user: string
    readonly stopSignal?: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'
  }): Promise<void>
  stop(name: string): Promise<void>
}

/** Containers of this device only; names are the driver's own, and no other device sees them. */
export interface ContainerCalls {
  /** Image with this software: from Docker Hub where it answers, else from Debian's packages. Returns its id. */
  image(source: ImageSource, progress: (line: string) => void): Promise<string>
  /** Makes it what it should be and runs it; safe to repeat: a container that is like this already stays. */
  ensure(container: DeviceContainer): Promise<void>
  /** Stops it first: SIGTERM, then SIGKILL after `seconds`. Its volumes stay. Not an error when it is gone. */
  remove(name: string, seconds?: number): Promise<void>
  restart(name: string): Promise<void>
  exec(name: string, options: ExecOptions): Promise<Process>
  /** Null when there is none of this name. */
  state(name: string): Promise<{ readonly running: boolean; readonly exitCode: number | null } | null>
  list(): Promise<string[]>
  /** The last lines of its output. */
  logs(name: string, lines: number): Promise<string[]>
  /** Deletes a volume with its data. Not an error when it is gone; throws `conflict` while a container of the device has it. */
  removeVolume(name: string): Promise<void>
}

export interface ImageSource {
  /** `postgres:17`; null: only Debian has it. */
  readonly hub: string | null
  /** Debian packages of the second way, and Dockerfile lines (`RUN`, `ENV`, `USER` …) after them. */
  readonly debian: { readonly packages: readonly string[]; readonly lines: readonly string[] }
  /** The version that Debian has, when it is not that of `hub`: then only Docker Hub will do. */
  readonly debianVersion?: string
}

export interface DeviceContainer {
  readonly name: string
  readonly image: string
  /** In place of the image's entrypoint and command; null: those. */
  readonly command: readonly string[] | null
  readonly env: Readonly<Record<string, string>>
  readonly user?: string
  /** MiB. */
  readonly memory: number
  /** Path in the container → name of a volume of the device, made when it is not there (privilege `volume`). */
  readonly volumes: Readonly<Record<string, string>>
  /**
   * Files written into the container before it starts: path → text. Mode 0600, owner `user`. For keys and configuration;
   * not on a volume.
   */
  readonly files?: Readonly<Record<string, string>>
  /** Port in the container → endpoint of the device that leads there (privilege `network`). */
  readonly ports: Readonly<Record<number, string>>
  /** Seconds that it has to stop. */
  readonly stopTimeout: number
  /** Linux capabilities besides none; Docker's default set when left out. */
  readonly capabilities?: readonly string[]
}

/** Where apps reach the device: a private address of the node. Only apps that it is attached to get through the firewall. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface NetworkCalls {
  /**
   * The address of this endpoint of the device, the same one for ever; made when it is not there. A server on the node
   * listens on it, a container's port is published there (`DeviceContainer.ports`).
   */
  endpoint(name: string, port: number): Promise<Endpoint>
  release(name: string): Promise<void>
}

/** Secrets of this device, sealed in the store. */
export interface SecretCalls {
  get(name: string): Promise<string | null>
  /** Null forgets it. */
  set(name: string, value: string | null): Promise<void>
}

/** The kernel's volume that the setting `volume` names: the device has no other. */
export interface VolumeCalls {
  /** Its directory on the node now: it is another one once a backup has taken its place. Throws `not-found` and `unavailable`. */
  open(): Promise<string>
}
