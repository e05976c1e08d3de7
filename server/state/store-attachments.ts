/** What the store keeps of databases, of what ties them to apps, and of the logins that this takes. */
import type { Attachment, AttachmentReference, Credential, Database } from '../domain/database.ts'

export interface Databases {
  list(): Promise<Database[]>
  /** Names of those on this device. */
  on(device: string): Promise<string[]>
  find(name: string): Promise<Database | null>
  /** Throws `not-found` naming the nearest one. */
  get(name: string): Promise<Database>
  /** Noted as `creating`. Throws `conflict` when the name is taken. */
  add(database: Omit<Database, 'state' | 'lost' | 'createdAt'>): Promise<Database>
  ready(name: string): Promise<void>
  /** → `destroying`; false, and nothing changes, while an app is attached to it or has a login, or its content is switched. */
  condemn(name: string): Promise<boolean>
  /** A condemned one that the server does not have any more, with the logins that are to be revoked and its schedule of backups. */
  remove(name: string): Promise<void>
  /** What a dead kernel had begun is to be undone: databases → destroying, logins → revoking, scratch → abandoned. */
  interruptAll(): Promise<void>
  /** Whether anything is to be ended: databases, logins or scratch databases. */
  unfinished(): Promise<boolean>
  addScratch(device: string, handle: string): Promise<void>
  scratches(): Promise<ScratchRow[]>
  /** Nobody works in it any more; what became of something is none by then. */
  abandonScratch(device: string, handle: string): Promise<void>
  removeScratch(device: string, handle: string): Promise<void>
  /** Notes that this scratch database is about to become the content of another one; null takes it back. */
  intend(scratch: string, replaces: string | null): Promise<void>
  /** Names of those whose content is being switched, and that an app uses with the new one already. */
  halfSwitched(): Promise<string[]>
  /** A scratch database becomes one of this name. Throws `conflict` when it is taken. */
  keep(database: Omit<Database, 'state' | 'lost' | 'createdAt'>): Promise<Database>
  /** The content of a lost one is back: in what was a scratch database. */
  found(name: string, scratch: string): Promise<void>
  /** The name leads to the handle of a scratch database, and `kept` to what it led to, with the logins there. One batch. */
  switchTo(database: Database, scratch: string, kept: string): Promise<void>
}

export interface ScratchRow {
  readonly device: string
  readonly handle: string
  readonly replaces: string | null
  readonly abandoned: boolean
}

export interface Attachments {
  list(): Promise<Attachment[]>
  ofApp(app: string): Promise<Attachment[]>
  /** Makes the saved ones of the app equal to these. */
  replace(app: string, attachments: readonly AttachmentReference[]): Promise<void>
}

/** Passwords are encrypted at rest. Of an app there is at most one `live` and one `granting` login a database. */
export interface Credentials {
  list(): Promise<Credential[]>
  ofApp(app: string): Promise<Credential[]>
  /** Noted as `granting`. Throws `not-found` when the database is gone or about to go. */
  add(credential: Omit<Credential, 'state' | 'reach'>): Promise<void>
  granted(user: string, reach: NonNullable<Credential['reach']>): Promise<void>
  /** What was granted is live, what it takes the place of is to be revoked; `Apps.serve` does the same. */
  switched(app: string): Promise<void>
  /** `granting` ones of the app → revoking. */
  withdraw(app: string): Promise<void>
  /** One that the server has revoked. */
  remove(user: string): Promise<void>
}
