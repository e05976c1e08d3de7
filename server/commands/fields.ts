/** Arguments that many rows share, each with the sentence that a wrong value gets. */
import { z } from 'zod'
import type { Asker, Change } from '../changes/change.ts'
import { type App, appNameProblem, isProcessType, suggestAppName } from '../domain/app.ts'
import { parseAddress } from '../domain/claims.ts'
import { configVarProblem } from '../domain/config-vars.ts'
import { parseHost } from '../domain/route.ts'
import { UserError } from '../errors.ts'
import type { Context } from './command.ts'
import type { Kernel } from './kernel.ts'

/** An app that is there already; any word will do, the store says whether it exists. */
export const app = z.string().min(1, 'The name of an app may not be empty.').meta({ description: 'name of the app' })

/** A volume that is there already. */
export const volume = z
  .string()
  .min(1, 'The name of a volume may not be empty.')
  .meta({ description: 'name of the volume' })

/** A name for a new app. */
export const newApp = z
  .string()
  .superRefine((name, context) => {
    const problem = appNameProblem(name)
    if (problem)
      context.addIssue({
        code: 'custom',
        message: `An app cannot be called “${name.slice(0, 60)}”: it ${problem}. Try ${suggestAppName(name)}.`,
      })
  })
  .meta({ description: 'name of the new app' })

export const host = parsed(parseHost, 'host').meta({ description: 'host name, such as example.com or *.example.com' })

export const hosts = z.array(host).meta({ description: 'host names, such as example.com or *.example.com' })

export const addresses = z
  .array(parsed(parseAddress, 'address'))
  .meta({ description: 'host names, such as example.com or *.example.com, or paths below one: example.com/api' })

/** A word as a rule reads it. */
function parsed<K extends string>(
  parse: (text: string) => { readonly [key in K]: string } | { problem: string },
  key: K,
) {
  return z.string().transform((text, context): string => {
    const read = parse(text)
    if (!('problem' in read)) return read[key]
    context.addIssue({ code: 'custom', message: `“${text.slice(0, 80)}” ${read.problem}.` })
    return z.NEVER
  })
}

export const dryRun = z.boolean().default(false).meta({ description: 'print what would be done, and do nothing' })

/** `KEY=VALUE` words. */
export const vars = pairs(configVarProblem)

/** `type=VALUE` words. */
export const ofTypes = pairs((type) =>
  isProcessType(type)
    ? null
    : `“${type.slice(0, 60)}” cannot be a process type: at most 30 letters, digits, - and _, starting with a letter.`,
)

/** Words → a record. */
function pairs(problemOf: (key: string, value: string) => string | null) {
  return z.array(z.string()).transform((words, context) => {
    const values: Record<string, string> = {}
    for (const word of words) {
      const at = word.indexOf('=')
      const [key, value] = at < 0 ? [word.slice(0, 60), null] : [word.slice(0, at), word.slice(at + 1)]
      const problem = value === null ? `“${key}” has no value; type ${key}=VALUE.` : problemOf(key, value)
      if (problem) {
        context.addIssue({ code: 'custom', message: problem })
        return z.NEVER
      }
      values[key] = value as string
    }
    return values
  })
}

/** Result of every row that changes an app. */
export const change = z.object({
  app: z.string(),
  release: z.number().nullable(),
  planned: z.boolean(),
  operations: z.array(z.string()),
  result: z.string(),
})

export function changeText(done: Change): string[] {
  if (!done.planned) return [done.result]
  if (done.operations.length === 0) return ['Nothing needs to be done.']
  return ['Would do:', ...done.operations.map((operation) => `  ${operation}`)]
}

export function asker(context: Context): Asker {
  return { actor: context.actor.name, emit: context.emit, signal: context.signal }
}

/** The app and whoever asks for a change of it. */
export async function subject(name: string, context: Context, kernel: Kernel): Promise<[App, Asker]> {
  return [await kernel.store.apps.get(name), asker(context)]
}

/** Whether whoever asks may change the app with this id. */
export function mayChange({ actor }: Context): (app: string) => boolean {
  return (app) => !actor.apps || actor.apps.includes(app)
}

/** Where the bytes of a backup go. Whoever runs a terminal sees nothing of use in them. */
export function pipeTo({ write, tty }: Context, command: string): (bytes: Buffer) => Promise<void> {
  const example = `ssh megapolos ${command}`
  if (!write) throw new UserError('usage', 'The bytes of a backup only come over SSH or on the server itself.', example)
  if (tty) throw new UserError('usage', 'A backup is not written to a terminal.', example)
  return write
}

/** What would be lost is named again, so that a slip of the finger loses nothing. */
export function confirmed(what: string, confirm: string | undefined, command: string): void {
  if (confirm === what) return
  const message =
    confirm === undefined ? `This destroys ${what} for good.` : `--confirm says ${confirm}, but this destroys ${what}.`
  throw new UserError('usage', message, `If you mean it: ${command} --confirm ${what}`)
}

/** A text about which a rule says what is wrong with it. */
export function ruled(start: string, problemOf: (text: string) => string | null) {
  return z.string().superRefine((text, context) => {
    const problem = problemOf(text)
    if (problem) context.addIssue({ code: 'custom', message: `${start} “${text.slice(0, 60)}”: it ${problem}.` })
  })
}
