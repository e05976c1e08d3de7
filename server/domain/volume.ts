/** Volumes, and what ties them to apps. */
import { appNameLimit } from './app.ts'

export interface Volume {
  /** Eight hexadecimal digits; never changes. */
  readonly id: string
  /** Unique, for people: `uploads`. */
  readonly name: string
  /** The storage device that it lives on. */
  readonly device: string
  /** Directory of a static volume, which was there before it; null for one that the device places. */
  readonly path: string | null
  /** `scratch`: being filled, and nobody's yet. What a dead kernel left in the other two is finished by the next start. */
  readonly state: 'creating' | 'scratch' | 'ready' | 'destroying'
  /** Its content stayed on the server that this one was restored from. */
  readonly lost: boolean
  readonly createdAt: string
  readonly createdBy: string
}

export interface VolumeAttachment {
  /** Id of the app. */
  readonly app: string
  /** Id of the volume. */
  readonly volume: string
  /** Appears as `/megapolos/<name>`. One an app. */
  readonly name: string
  /** A place of its own in the container; null: below `/megapolos`, and live. */
  readonly path: string | null
  readonly readOnly: boolean
  /** Nobody else writes, not even another container of the same app. */
  readonly exclusive: boolean
  /** The only process type that gets it; null: all of them, and one-off commands. */
  readonly process: string | null
  /** The first and the last one need a rollout: they are on the way until other containers serve than `since`. */
  readonly state: 'attaching' | 'attached' | 'detaching'
  /** The group that served when the rollout began; null otherwise, or when nothing did. */
  readonly since: string | null
}

/** Folder of all of them in a container. */
export const volumesFolder = '/megapolos'

/** Where an app finds it. */
export function placeOf({ name, path }: Pick<VolumeAttachment, 'name' | 'path'>): string {
  return path ?? `${volumesFolder}/${name}`
}

/** Says what is wrong with a name, or null when it may be a volume's. */
export function volumeNameProblem(name: string): string | null {
  if (name.length > appNameLimit) return `is ${name.length} characters long, at most ${appNameLimit} are allowed`
  return /^[a-z](-?[a-z0-9])*$/.test(name)
    ? null
    : 'may only have lower-case letters, digits and single hyphens, and starts with a letter'
}

/** The same for the name that an app knows it by. */
export function mountNameProblem(name: string): string | null {
  if (name === 'kernel.sock') return "is the kernel's socket"
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)
    ? null
    : 'may only have letters, digits, dots, hyphens and underscores, at most 63, and starts with a letter or a digit'
}

/** The same for a place in a container. */
export function containerPathProblem(path: string): string | null {
  const problem = plainPathProblem(path)
  if (problem) return problem
  if (overlaps(path, taken)) return 'is taken by the system'
  return needed.includes(path) ? 'would hide what every program needs' : null
}

const taken = [volumesFolder, '/proc', '/sys', '/dev']
const needed = ['/bin', '/etc', '/lib', '/lib64', '/sbin', '/usr', '/usr/bin', '/usr/lib', '/run']

/**
 * The same for a directory of the node. `own`: further folders that nobody may have, such as the data home. It is a
 * protection against slips: whoever may type this is admin.
 */
export function nodePathProblem(path: string, own: readonly string[]): string | null {
  const problem = plainPathProblem(path)
  if (problem) return problem
  return overlaps(path, [...ofTheNode, ...own]) ? 'belongs to the system' : null
}

const ofTheNode = [
  ...[
    '/bin',
    '/boot',
    '/dev',
    '/etc',
    '/lib',
    '/lib32',
    '/lib64',
    '/libx32',
    '/proc',
    '/root',
    '/run',
    '/sbin',
    '/sys',
  ],
  ...['/usr', '/var/cache', '/var/lib/apt', '/var/lib/containerd', '/var/lib/docker', '/var/lib/dpkg'],
  ...['/var/lib/systemd', '/var/log', '/var/run', '/var/spool'],
]

/** One of them, something in one of them, or what one of them is in. */
function overlaps(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => within(path, folder) || within(folder, path))
}

function within(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`)
}

function plainPathProblem(path: string): string | null {
  if (!path.startsWith('/') || path === '/') return 'is not a full path such as /srv/uploads'
  if (path.length > 500) return 'is too long'
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly those are refused
  if (/[\x00-\x1f\x7f\\:]/.test(path)) return 'has a character that paths of volumes may not have'
  const odd = path
    .slice(1)
    .split('/')
    .some((part) => ['', '.', '..'].includes(part))
  return odd ? 'must have no empty part, no . and no ..' : null
}
