/**
 * What the containers of a group find at `/megapolos`: one folder of the node for each process type of it, seen while they
 * run. Whatever is put into it is there at once, without a restart.
 */
import type { Place } from './container.ts'

/** The containers that share such a folder. */
export type GroupProcess = Pick<Place, 'app' | 'process' | 'group'>

/** A folder of the node that a container sees. */
export interface Mount {
  readonly source: string
  readonly target: string
  /** Of the folder itself: what is mounted below it has its own say. */
  readonly readOnly: boolean
  /** `rslave`: what the node mounts below it later appears in the container; its source must be on a shared mount. */
  readonly propagation: 'rslave' | 'rprivate'
}

export interface Groups {
  /** Makes the folder and puts everything into it, before a container of it is created; safe to repeat. */
  prepare(one: GroupProcess): Promise<readonly Mount[]>
  /** Its last container is gone. Safe to repeat; what cannot be removed is logged, and stays in `of`. */
  release(one: GroupProcess): Promise<void>
  /** Those that are there, of one app or of all. */
  of(app?: string): readonly GroupProcess[]
}

/** Who puts something into the folders: the app's socket, volumes. */
export interface Tenant {
  /**
   * When the folder is made, again for each container that joins it, and when the kernel starts (`found`): safe to repeat.
   * Returns what these containers get at other places. Throws, and the container is not created.
   */
  enter(one: GroupProcess, folder: string, found: boolean): Promise<readonly Mount[]>
  /** Takes all of it out again; safe to repeat. Throws, and the folder stays. */
  leave(one: GroupProcess, folder: string): Promise<void>
}

/** Says all about it: a boot without the kernel, or a kernel that was killed, needs nothing else to know whose it is. */
export function folderName({ app, group, process }: GroupProcess): string {
  return `${app}.${group}.${process}`
}

/** Null for a name that is not of this form. */
export function parseFolderName(name: string): GroupProcess | null {
  const [, app, group, process] = /^([0-9a-f]{8})\.([0-9a-f]{8})\.([A-Za-z][\w-]*)$/.exec(name) ?? []
  return app && group && process ? { app, group, process } : null
}
