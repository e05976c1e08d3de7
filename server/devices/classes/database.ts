/**
 * The `database` class. Names and passwords are the kernel's choice (lower-case letters, digits and `_`, at most 48; a letter
 * first): it notes them before it calls, so every call can be repeated after a crash, and does nothing then but what is
 * missing. A call that fails leaves nothing half-made that the same call would trip over.
 * Throws `unavailable` when the server does not answer, `refused` when it does not want to.
 */
import type { Readable } from 'node:stream'
import type { ExecOptions } from '../driver.ts'

export interface DatabaseDriver {
  /** Installs the server, or makes it what these options say; it answers when this resolves. Data that is there stays. */
  install(options: InstallOptions, progress: (line: string) => void): Promise<void>
  /** Takes over a server that is there already: looks whether these settings lead to it, and notes what it needs. */
  adopt(settings: Readonly<Record<string, string>>, progress: (line: string) => void): Promise<void>
  /** Ends the server and deletes its data. An adopted one is only forgotten. */
  uninstall(): Promise<void>
  restart(): Promise<void>
  status(): Promise<ServerStatus>
  logs(lines: number): Promise<string[]>

  /** An empty database that nobody may open yet. */
  create(database: string): Promise<void>
  /** With its data and logins; whoever is connected is cut off. Not an error when it is gone. */
  drop(database: string): Promise<void>
  /** Databases that it holds, its own maintenance ones left out. */
  list(): Promise<string[]>

  /** A login that may do everything in this database and nothing elsewhere; what one login makes, every other one owns too. */
  grant(database: string, login: Login): Promise<Reach>
  /** Ends the login and cuts its connections; what it made stays. Not an error when it is gone. */
  revoke(database: string, user: string): Promise<void>
  /** Logins of this database. */
  logins(database: string): Promise<string[]>

  /** What is in it now. */
  inspect(database: string, signal?: AbortSignal): Promise<Contents>
  /** Its content, and what is in it, seen at one and the same moment; writers go on. */
  dump(database: string, signal: AbortSignal): Promise<Dump>
  /** Fills an empty database. Throws `refused`, naming what is wrong, when the bytes are not whole or do not fit. */
  restore(database: string, bytes: Readable, signal: AbortSignal): Promise<void>
  /** What opens its own client (psql, mariadb, redis-cli) at this database, with a terminal. */
  connect(database: string, login: Login): Promise<ConnectCommand>
}

export interface InstallOptions {
  /** Major version; null: the one that comes with the system. */
  readonly version: string | null
  readonly as: 'container' | 'node'
  /** MiB. */
  readonly memory: number
}

export interface ServerStatus {
  readonly running: boolean
  /** As it says itself, such as `17.2`; null when it does not answer. */
  readonly version: string | null
  /** A sentence when it is not running. */
  readonly problem: string | null
}

export interface Login {
  readonly user: string
  readonly password: string
}

/** Where a login leads. */
export interface Reach {
  readonly host: string
  readonly port: number
  /** What clients call the database: its name, or `0` where they only have numbers. */
  readonly database: string
}

export interface Dump {
  readonly bytes: Readable
  /** Known once the bytes have been read; rejects with what broke when they are not whole, even if they looked it. */
  readonly contents: Promise<Contents>
}

/** Two databases with equal contents are the same to an app. */
export interface Contents {
  /** Sorted by name, with the schema before it where there are several. */
  readonly tables: readonly TableContents[]
  /** Everything besides rows that a dump must bring back, a line each, sorted: indexes, constraints, views, sequences … */
  readonly definitions: readonly string[]
}

export interface TableContents {
  readonly name: string
  readonly rows: number
  /** Of all rows in any order: two tables with one value changed differ. */
  readonly checksum: string
}

export type ConnectCommand =
  | { readonly in: 'container'; readonly container: string; readonly exec: ExecOptions }
  | { readonly in: 'node'; readonly exec: ExecOptions }
