/** What a row of the command table is. */
import type { z } from 'zod'
import type { Access, Actor } from '../domain/access.ts'
import type { Session } from '../engine/engine.ts'
import type { Kernel } from './kernel.ts'

export interface Context {
  readonly actor: Actor
  /** Progress for a person, a line at a time, before the result. */
  emit(line: string): void
  /** What was sent on standard input (`input: true` rows only). */
  readonly input: string
  /** How the caller's terminal looks; null where there is none. */
  readonly terminal: { readonly columns: number; readonly rows: number } | null
  /** Aborted when the caller hangs up. */
  readonly signal: AbortSignal
}

export interface Command<
  N extends string = string,
  A extends z.ZodObject = z.ZodObject,
  R extends z.ZodType = z.ZodType,
> {
  /** `domains:set`; the part before the colon names its file. */
  readonly name: N
  readonly summary: string
  readonly access: Access
  readonly kind: 'query' | 'mutation'
  readonly args: A
  /** Names of arguments that are words in order; the last one may be a list. */
  readonly positional: readonly (keyof z.output<A> & string)[]
  readonly result: R
  /** Other names, for fingers that know them. They may order their words differently. */
  readonly aliases?: readonly { readonly name: string; readonly positional?: readonly (keyof z.output<A> & string)[] }[]
  /** Reads standard input. */
  readonly input?: boolean
  /** Arguments that the audit log masks. */
  readonly secret?: readonly (keyof z.output<A> & string)[]
  /** Two or three lines that a newcomer can copy. */
  readonly examples?: readonly string[]
  run(args: z.output<A>, context: Context, kernel: Kernel): Promise<z.output<R>>
  /** The result as a person reads it, a line each. */
  text(result: z.output<R>): string[]
}

/** Infers the types of a row where it is written. */
export function command<const N extends string, A extends z.ZodObject, R extends z.ZodType>(
  row: Command<N, A, R>,
): Command<N, A, R> {
  return row
}

/** A row that answers with a terminal session instead of a result: `run`, `enter`. */
export interface TerminalCommand<N extends string = string, A extends z.ZodObject = z.ZodObject>
  extends Omit<Command<N, A, z.ZodType>, 'run' | 'text' | 'result' | 'kind'> {
  readonly kind: 'terminal'
  open(args: z.output<A>, context: Context, kernel: Kernel): Promise<Session>
}

export function terminalCommand<const N extends string, A extends z.ZodObject>(
  row: TerminalCommand<N, A>,
): TerminalCommand<N, A> {
  return row
}

// biome-ignore lint/suspicious/noExplicitAny: a list of rows with different argument types
export type AnyCommand = Command<string, any, any>
// biome-ignore lint/suspicious/noExplicitAny: as above
export type AnyTerminalCommand = TerminalCommand<string, any>
export type Row = AnyCommand | AnyTerminalCommand
