/** What a row of the command table is. */
import type { Readable } from 'node:stream'
import type { z } from 'zod'
import type { Access, Actor } from '../domain/access.ts'
import type { Session } from '../engine/engine.ts'
import type { UserError } from '../errors.ts'
import type { Kernel } from './kernel.ts'

export interface Context {
  readonly actor: Actor
  /** Progress for a person, a line at a time, before the result. */
  emit(line: string): void
  /** What was sent on standard input (rows with `input`). */
  readonly input: string
  /** Sends bytes as they are instead of lines, and waits for a slow reader; doors for people's eyes do not have it. */
  readonly write?: (bytes: Buffer) => Promise<void>
  /** Bytes as they arrive: the pushed tree as a tar (`git:push`), or standard input (rows with `streams`). */
  readonly source?: Readable
  /** True when the caller has a terminal. */
  readonly tty: boolean
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal
}

interface Row<A extends z.ZodObject> {
  /** `domains:set`; the part before the colon names its file. */
  readonly name: string
  readonly summary: string
  readonly access: Access
  readonly args: A
  /** Names of arguments that are words in order; the last one may be a list. */
  readonly positional: readonly (keyof z.output<A> & string)[]
  /** Other names, for fingers that know them; they may order their words differently. */
  readonly aliases?: readonly { readonly name: string; readonly positional?: readonly (keyof z.output<A> & string)[] }[]
  /** One letter for an option that is known by it: `{ n: 'num' }`. */
  readonly short?: Readonly<Record<string, keyof z.output<A> & string>>
  /** Once its list has begun, every word belongs to it, dashes included: `run blog ls -l`. */
  readonly verbatim?: boolean
  /** The app that it is about, where no argument `app` names it: who may touch some apps only is held to it. */
  readonly about?: (args: z.output<A>) => { readonly name: string } | { readonly id: string }
  /** What a person does who uses it, where they do not type its name. */
  readonly deed?: string
  /** Arguments that the audit log masks. */
  readonly secret?: readonly (keyof z.output<A> & string)[]
  /** Lines that a newcomer can copy, without `ssh megapolos`. */
  readonly examples?: readonly string[]
  /** Not in help: programs use it, not people. */
  readonly hidden?: boolean
}

export interface Command<A extends z.ZodObject = z.ZodObject, R extends z.ZodType = z.ZodType> extends Row<A> {
  readonly kind: 'query' | 'mutation'
  readonly result: R
  /** A query that shows secrets: it is audited like a change. */
  readonly reveals?: boolean
  /** Reads standard input; the text says what it expects. */
  readonly input?: string
  /** Reads it with these arguments only: whoever sits at a terminal is not made to wait for what was not meant. */
  asksInput?(args: z.output<A>): boolean
  /** Reads it as it comes, of any length (`Context.source`); otherwise it is text of at most 4 MB. */
  readonly streams?: boolean
  run(args: z.output<A>, context: Context, kernel: Kernel): Promise<z.output<R>>
  /** The result as a person reads it, a line each. */
  text(result: z.output<R>): string[]
  /** For a result that is bad news: after it was printed, this is how the command ends. */
  unwell?(result: z.output<R>): UserError | null
}

/** A row that answers with a terminal session instead of a result: `run`, `enter`. */
export interface TerminalCommand<A extends z.ZodObject = z.ZodObject> extends Row<A> {
  readonly kind: 'terminal'
  open(args: z.output<A>, context: Context, kernel: Kernel): Promise<Session>
}

/** Infers the types of a row where it is written. */
export function command<A extends z.ZodObject, R extends z.ZodType>(row: Command<A, R>): Command<A, R> {
  return row
}

export function terminalCommand<A extends z.ZodObject>(row: TerminalCommand<A>): TerminalCommand<A> {
  return row
}

// biome-ignore lint/suspicious/noExplicitAny: a list of rows with different arguments
export type AnyCommand = Command<any, any>
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyTerminalCommand = TerminalCommand<any>
export type AnyRow = AnyCommand | AnyTerminalCommand
