/** The only way a command runs, whatever the door: parse → authorize → run → audit. */
import { type Actor, may } from '../domain/access.ts'
import type { Session } from '../engine/engine.ts'
import { told, UserError } from '../errors.ts'
import type { Log } from '../log.ts'
import type { AnyCommand, AnyRow, Context } from './command.ts'
import type { Kernel } from './kernel.ts'
import { entryOf, parse, type Table } from './parse.ts'

export interface Outline extends Pick<AnyRow, 'access' | 'kind'> {
  /** It names an app, or may. */
  readonly ofApp: boolean
}

export interface Caller {
  /** Runs a query or mutation and returns the lines for the asker. */
  lines(words: readonly string[], context: Context): Promise<string[]>
  /** The same with arguments and result as values. */
  value(name: string, args: Record<string, unknown>, context: Context): Promise<unknown>
  /** Opens `run` and `enter`. */
  terminal(words: readonly string[], context: Context): Promise<Session>
  /** What the command of these words expects on standard input; null too for whoever may not use it. */
  expects(words: readonly string[], actor: Actor): { readonly what: string; readonly streams: boolean } | null
  /** What a door has to know of a command before it asks for it; null when there is none that people use. */
  outline(name: string): Outline | null
}

export function createCaller(table: Table, kernel: Kernel, log: Log): Caller {
  async function guarded<T>(
    row: AnyRow,
    args: Record<string, unknown>,
    context: Context,
    run: () => Promise<T>,
  ): Promise<T> {
    let result = 'ok'
    try {
      if (!may(context.actor, row.access)) throw forbidden(row, context)
      await requireScope(row, args, context, kernel)
      return await run()
    } catch (error) {
      const failure = told(error)
      result = failure.code
      if (failure.code === 'internal') log.error('command failed', error, { command: row.name })
      throw failure
    } finally {
      if (row.kind !== 'query' || row.reveals || result === 'forbidden') audit(row, args, context, result)
    }
  }

  function audit(row: AnyRow, args: Record<string, unknown>, { actor }: Context, result: string) {
    const shown = Object.fromEntries(
      Object.entries(args).map(([key, value]) => [key, row.secret?.includes(key) ? masked(value) : short(value)]),
    )
    kernel.store.audit
      .add({
        at: new Date().toISOString(),
        actor: actor.name,
        role: actor.role,
        door: actor.door,
        from: actor.from,
        command: row.name,
        args: JSON.stringify(shown),
        result,
      })
      .catch((error) => log.error('audit failed', error, { command: row.name, actor: actor.name }))
  }

  return {
    async lines(words, context) {
      const { row, args, format } = parse(words, table)
      if (row.kind === 'terminal')
        throw new UserError(
          'usage',
          `${row.name} needs a terminal session.`,
          `Type it over SSH: ssh -t megapolos ${row.name} …`,
        )
      // Whoever asks for JSON reads the result alone.
      const quiet = format === 'json' && row.kind === 'mutation' ? { ...context, emit: () => {} } : context
      const result = await guarded(row, args, context, () => row.run(args, quiet, kernel))
      // What a command has written itself is not followed by anything.
      if (result === null) return []
      const lines = format === 'json' ? [JSON.stringify(result, null, 2)] : row.text(result)
      const failure = row.unwell?.(result)
      if (!failure) return lines
      for (const line of lines) context.emit(line)
      throw failure
    },
    async value(name, args, context) {
      const row = table.names.get(name)?.row as AnyCommand
      const parsed = row.args.safeParse(args)
      if (!parsed.success)
        throw new UserError('usage', parsed.error.issues[0]?.message ?? 'The arguments are not right.')
      return guarded(row, parsed.data, context, () => row.run(parsed.data, context, kernel))
    },
    async terminal(words, context) {
      const { row, args } = parse(words, table)
      if (row.kind !== 'terminal') throw new UserError('usage', `${row.name} does not open a terminal.`)
      return guarded(row, args, context, () => row.open(args, context, kernel))
    },
    expects(words, actor) {
      const row = entryOf(table, words[0] ?? '')?.row
      if (!row || row.kind === 'terminal' || row.input === undefined || !may(actor, row.access)) return null
      if (row.asksInput && !row.asksInput(parse(words, table).args)) return null
      return { what: row.input, streams: row.streams === true }
    },
    outline(name) {
      const row = table.names.get(name)?.row
      return row && !row.hidden ? { access: row.access, kind: row.kind, ofApp: 'app' in row.args.shape } : null
    },
  }
}

/** Of config vars the names stay. */
function masked(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return '***'
  return Object.fromEntries(Object.keys(value).map((key) => [key, '***']))
}

/** Nobody needs more of it to know what was asked, and it is kept for good. */
function short(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 100).map(short)
  return typeof value === 'string' && value.length > 300 ? `${value.slice(0, 300)}…` : value
}

/** Who may touch some apps only is refused everything that is not about one of them, and is not told whether it is there. */
async function requireScope(row: AnyRow, args: Record<string, unknown>, { actor }: Context, kernel: Kernel) {
  if (!actor.apps || row.access === 'public') return
  const about = row.about?.(args) ?? { name: String(args.app ?? '') }
  const id = 'id' in about ? about.id : (await kernel.store.apps.find(about.name))?.id
  if (id !== undefined && actor.apps.includes(id)) return
  const what = 'name' in about && about.name ? about.name : 'this'
  if (actor.door === 'app')
    throw new UserError(
      'forbidden',
      `${actor.name} may not ${row.access === 'app:read' ? 'ask about' : 'touch'} ${what}.`,
      `See what it may: socket:report ${actor.name}`,
    )
  throw new UserError('forbidden', `The token ${actor.name} is not for ${what}.`, 'See what it is for: tokens:list')
}

function forbidden(row: AnyRow, { actor }: Context): UserError {
  return new UserError(
    'forbidden',
    `${actor.name} is ${actor.role === 'admin' ? 'an' : 'a'} ${actor.role} and may not ${row.deed ?? `use ${row.name}`}.`,
    remedies[actor.door] ?? 'An admin can give the key another role: keys:remove, then keys:add --role.',
  )
}

const remedies: Partial<Record<Actor['door'], string>> = {
  http: 'An admin can make another token: tokens:create --role.',
  app: 'An admin can allow an app to change itself: socket:grant',
}
