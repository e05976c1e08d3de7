/** Words → a row of the table with checked arguments; every mistake is told with the nearest right thing. */
import { z } from 'zod'
import { nearest } from '../domain/nearest.ts'
import { UserError } from '../errors.ts'
import type { AnyRow } from './command.ts'

export interface Parsed {
  readonly row: AnyRow
  readonly args: Record<string, unknown>
  readonly format: 'text' | 'json'
}

export interface Entry {
  readonly row: AnyRow
  readonly positional: readonly string[]
  /** Arguments that the name itself says, unless the words say others. */
  readonly preset?: Readonly<Record<string, unknown>>
}

export interface Table {
  /** Every name and alias. */
  readonly names: ReadonlyMap<string, Entry>
  /** Names that are made as they are asked for. */
  more?(name: string): Entry | undefined
}

export function entryOf(table: Table, name: string): Entry | undefined {
  return table.names.get(name) ?? table.more?.(name)
}

export function parse(words: readonly string[], table: Table): Parsed {
  const [name = 'help', ...rest] = words
  const entry = entryOf(table, name)
  if (!entry) throw unknownCommand(name, table)
  // The words of `run blog ls --help` are for ls.
  if ((entry.row.verbatim ? rest.slice(0, 1) : rest).includes('--help')) return parse(['help', entry.row.name], table)
  const { raw, format } = collect(rest, entry.row, entry.positional)
  return { row: entry.row, args: checked(entry.row, { ...entry.preset, ...raw }, entry.positional), format }
}

/** `domains:set <app> <domain>...`, with its options. */
export function usage(row: AnyRow, positional: readonly string[] = row.positional, name = row.name): string {
  const words = positional.map((key) => {
    const shown = isList(row, key) ? `<${singular(key)}>...` : `<${key}>`
    return isRequired(row, key) ? shown : `[${shown}]`
  })
  const options = optionsOf(row, positional).map((key) =>
    isBoolean(row, key)
      ? `[--${kebab(key)}]`
      : isRequired(row, key)
        ? `--${kebab(key)} <${key}>`
        : `[--${kebab(key)} <${key}>]`,
  )
  return [name, ...words, ...options].join(' ')
}

export function optionsOf(row: AnyRow, positional: readonly string[] = row.positional): string[] {
  return Object.keys(row.args.shape).filter((key) => !positional.includes(key))
}

export function isRequired(row: AnyRow, key: string): boolean {
  return !row.args.shape[key].safeParse(undefined).success
}

export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function collect(words: readonly string[], row: AnyRow, positional: readonly string[]) {
  const raw: Record<string, unknown> = {}
  const plain: string[] = []
  let format: Parsed['format'] = 'text'
  const queue = [...words]
  const listAt = positional.findIndex((key) => isList(row, key))
  while (queue.length > 0) {
    const word = queue.shift() as string
    if (word === '--' || (row.verbatim && plain.length === listAt && !word.startsWith('-'))) {
      plain.push(...(word === '--' ? queue : [word, ...queue]))
      break
    }
    const option = /^--([a-z][a-z-]*)(?:=(.*))?$/s.exec(word) ?? shortOption(word, row)
    if (!option) {
      if (/^-[^-]?$|^--/.test(word) && word !== '-')
        throw usageError(row, positional, `${row.name} has no option ${word}.`)
      plain.push(word)
      continue
    }
    const [, text = '', inline] = option
    if (text === 'format') format = parseFormat(inline ?? queue.shift())
    else setOption(raw, row, positional, text, inline, queue)
  }
  place(raw, plain, row, positional)
  return { raw, format }
}

function shortOption(word: string, row: AnyRow): string[] | null {
  const key = /^-[a-z]$/i.test(word) ? row.short?.[word.slice(1)] : undefined
  return key ? [word, kebab(key as string)] : null
}

function setOption(
  raw: Record<string, unknown>,
  row: AnyRow,
  positional: readonly string[],
  text: string,
  inline: string | undefined,
  queue: string[],
) {
  const options = optionsOf(row, [])
  const key = options.find((candidate) => kebab(candidate) === text)
  if (!key) {
    const close = nearest(text, [...optionsOf(row, positional).map(kebab), 'format'])
    throw usageError(row, positional, `${row.name} has no option --${text}.${close ? ` Did you mean --${close}?` : ''}`)
  }
  if (isBoolean(row, key)) raw[key] = inline === undefined || inline === 'true'
  else {
    const value = inline ?? queue.shift()
    if (value === undefined) throw usageError(row, positional, `--${text} needs a value.`)
    raw[key] = isList(row, key) ? [...((raw[key] as string[] | undefined) ?? []), value] : value
  }
}

function place(raw: Record<string, unknown>, plain: string[], row: AnyRow, positional: readonly string[]) {
  for (const key of positional) {
    if (isList(row, key)) {
      if (plain.length > 0) raw[key] = plain.splice(0)
    } else if (plain.length > 0) raw[key] = plain.shift()
  }
  if (plain.length > 0) throw usageError(row, positional, `${row.name} does not take “${plain[0]}”.`)
}

function parseFormat(value: string | undefined): Parsed['format'] {
  if (value === 'json' || value === 'text') return value
  throw new UserError('usage', `--format is ${value ?? 'empty'}; it must be text or json.`)
}

function checked(row: AnyRow, raw: Record<string, unknown>, positional: readonly string[]): Record<string, unknown> {
  const result = row.args.safeParse(raw)
  if (result.success) return result.data as Record<string, unknown>
  const issue = result.error.issues[0] as z.core.$ZodIssue
  const key = String(issue.path[0])
  if (raw[key] === undefined) {
    const shown = positional.includes(key) ? `<${isList(row, key) ? singular(key) : key}>` : `--${kebab(key)}`
    throw usageError(row, positional, `${row.name} needs ${shown}.`)
  }
  throw usageError(row, positional, issue.message)
}

function usageError(row: AnyRow, positional: readonly string[], message: string): UserError {
  return new UserError('usage', message, `Usage: ${usage(row, positional)}`)
}

function unknownCommand(name: string, table: Table): UserError {
  const close = nearest(
    name,
    [...table.names.keys()].filter((known) => !known.startsWith('-')),
  )
  return new UserError(
    'usage',
    `There is no command “${name}”.`,
    close ? `Did you mean ${close}?` : 'Type help to see all of them.',
  )
}

// zod wraps a type to make it optional, to give it a default or to transform it; what a person types is the inner one.
function base(row: AnyRow, key: string): z.ZodType {
  let type = row.args.shape[key]
  for (;;) {
    if (type instanceof z.ZodOptional || type instanceof z.ZodDefault) type = type.def.innerType
    else if (type instanceof z.ZodPipe) type = type.def.in
    else return type
  }
}

function isBoolean(row: AnyRow, key: string): boolean {
  return base(row, key) instanceof z.ZodBoolean
}

function isList(row: AnyRow, key: string): boolean {
  return base(row, key) instanceof z.ZodArray
}

function singular(key: string): string {
  return key.replace(/s$/, '')
}
