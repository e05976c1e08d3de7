/** Apps, their process types and how many of each run. */
import { ownNames } from './route.ts'

export interface App {
  /** Eight hexadecimal digits; never changes. Containers, networks and repositories carry it, so a rename touches none. */
  readonly id: string
  readonly name: string
  /** The branch that deploys, set by the first push. */
  readonly branch: string | null
  /** Version of the release that serves, or null before the first. */
  readonly release: number | null
  /** The group of containers that serves, or null when none was ever started. */
  readonly group: string | null
  /** True after `ps:stop`, until `ps:start` or a push. */
  readonly stopped: boolean
  /** Index of the app's subnet in the pool, or null before its first start. */
  readonly subnet: number | null
  readonly createdAt: string
  readonly createdBy: string
}

/** How one process type runs. */
export interface ProcessScale {
  readonly quantity: number
  /** Memory limit of each container in MiB. */
  readonly memory: number
}

/** Process type → scale. A type that is not in it has the default: one `web`, none of the others. */
export type Formation = Readonly<Record<string, ProcessScale>>

export const defaultMemory = 512

export function scaleOf(formation: Formation, type: string): ProcessScale {
  // A type may have the name of what every object has: `constructor`.
  const own = Object.hasOwn(formation, type) ? formation[type] : undefined
  return own ?? { quantity: type === 'web' ? 1 : 0, memory: defaultMemory }
}

/** Longest name that still leaves room for what is made from it: labels of 63, container and database names. */
export const appNameLimit = 40
const appName = /^[a-z](-?[a-z0-9])*$/
const reserved = new Set(['drivers', 'internal', 'kernel', 'localhost', 'megapolos', ...ownNames])

/** Says what is wrong with a name, or null when it may be an app's. */
export function appNameProblem(name: string): string | null {
  if (name.length > appNameLimit) return `is ${name.length} characters long, at most ${appNameLimit} are allowed`
  if (reserved.has(name)) return 'is a name of the server itself'
  if (!appName.test(name))
    return 'may only have lower-case letters, digits and single hyphens, and starts with a letter'
  return null
}

const processType = /^[a-z][a-z0-9_-]{0,29}$/i
export function isProcessType(name: string): boolean {
  return processType.test(name)
}

/** Lower case, digits and hyphens from anything, for a suggestion. */
export function suggestAppName(name: string): string {
  const plain =
    name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^[^a-z]+|-+$/g, '')
      .slice(0, appNameLimit) || 'app'
  return reserved.has(plain) ? `${plain}-app` : plain
}
