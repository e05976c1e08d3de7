/** Databases, and what ties them to apps. */

export interface Database {
  /** Unique, for people: `blog-db`. */
  readonly name: string
  readonly device: string
  /** What the server calls it. Another one after a restore: the name stays, the content is switched. */
  readonly handle: string
  readonly state: 'creating' | 'ready' | 'destroying'
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

/** A login of an app. `granting` and `revoking` ones are finished by the next start if the kernel dies. */
export interface Credential {
  readonly user: string
  readonly password: string
  readonly database: string
  /** Id of the app. */
  readonly app: string
  readonly state: 'granting' | 'live' | 'revoking'
}

/** As a release carries it: by reference, resolved at rollout, so that a rotated password never comes back. */
export type AttachmentReference = Pick<Attachment, 'alias' | 'database' | 'env'>
