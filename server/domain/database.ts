/** Databases, and what ties them to apps. */

export interface Database {
  /** Unique, for people: `blog-db`. */
  readonly name: string
  readonly device: string
  /** What the server calls it. Another one after a restore: the name stays, the content is switched. */
  readonly handle: string
  readonly state: 'creating' | 'ready' | 'destroying'
  /** Its content stayed on the server that this one was restored from. */
  readonly lost: boolean
  readonly createdAt: string
  readonly createdBy: string
}

export interface Attachment {
  /** Id of the app. */
  readonly app: string
  /** `DATABASE`: the variables that it injects begin with it. One an app. */
  readonly alias: string
  readonly database: string
  /** Variables besides those of the driver: name → template (`Placeholders`). */
  readonly env: Readonly<Record<string, string>>
}

/** A login of an app. `granting` and `revoking` ones are ended by the next start if the kernel dies. */
export interface Credential {
  readonly user: string
  readonly password: string
  readonly database: string
  /** What the server calls the database that it opens: not yet, or no longer, that of the row while content is switched. */
  readonly handle: string
  /** Id of the app; it may be gone. */
  readonly app: string
  readonly state: 'granting' | 'live' | 'revoking'
  /** Null until the server has granted it. */
  readonly reach: { readonly host: string; readonly port: number; readonly database: string } | null
}

/** As a release carries it: by reference, resolved at rollout, so that a rotated password never comes back. */
export type AttachmentReference = Pick<Attachment, 'alias' | 'database' | 'env'>

const databaseName = /^[a-z](-?[a-z0-9])*$/
/** Longest name that leaves room for what is made from it. */
const nameLimit = 40

/** Says what is wrong with a name, or null when it may be a database's. */
export function databaseNameProblem(name: string): string | null {
  if (name.length > nameLimit) return `is ${name.length} characters long, at most ${nameLimit} are allowed`
  if (databaseName.test(name)) return null
  return 'may only have lower-case letters, digits and single hyphens, and starts with a letter'
}

const aliasName = /^[A-Z][A-Z0-9_]{0,59}$/
export function isAlias(text: string): boolean {
  return aliasName.test(text)
}
