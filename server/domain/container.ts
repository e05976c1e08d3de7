/** One running copy of a process: what is wanted of it, and what Docker says about it. */

/** Where a container belongs; these are its labels. */
export interface Place {
  readonly app: string
  readonly process: string
  /** Counts from 1: `web.1`. */
  readonly index: number
  readonly release: number
  /** Eight hexadecimal digits: the containers that one rollout started. */
  readonly group: string
}

/** What Docker holds, read from labels; nothing about it is stored elsewhere. */
export interface ObservedContainer extends Place {
  readonly id: string
  /** The address that was assigned to it in its app's subnet. */
  readonly address: string
  /** Memory limit in MiB that it was started with. */
  readonly memory: number
  /** Port of a web process. */
  readonly port: number | null
  /**
   * `created` was never started; `restarting` crashed and Docker starts it again; `dead` cannot be started any more, or
   * runs at an address that is not its own.
   */
  readonly state: 'created' | 'running' | 'restarting' | 'exited' | 'paused' | 'dead' | 'removing'
}

/** How an ended container ended. */
export interface Ending {
  readonly exitCode: number
  readonly oomKilled: boolean
  readonly restarts: number
}

/** Host numbers 2 … 239 of an app's /24 are assigned to containers that stay; 240 … 254 are the engine's own choice. */
export const assignedHosts = { first: 2, last: 239 }

/** `web.1`, as it is shown. */
export function placeName(place: Pick<Place, 'process' | 'index'>): string {
  return `${place.process}.${place.index}`
}

/** A group has one container at each place. */
export function placeKey({ group, process, index }: Place): string {
  return `${group} ${process}.${index}`
}
