/** What an attachment puts into the environment of an app. Pure. */
import type { AttachmentReference, Credential } from '../domain/database.ts'
import { type AttachTemplate, type Placeholders, placeholders } from '../domain/device.ts'

/** Name → value, from a login that was granted. */
export function injected(
  reference: AttachmentReference,
  template: AttachTemplate,
  { user, password, reach }: Pick<Credential, 'user' | 'password' | 'reach'>,
): Record<string, string> {
  if (reach === null) throw new Error(`the login ${user} was never granted`)
  const { host, port, database } = reach
  const parts = { host, port: String(port), database, user, password, url: '' }
  const values = { ...parts, url: filled(template.url, parts) }
  return Object.fromEntries(
    Object.entries(templates(reference, template)).map(([name, text]) => [name, filled(text, values)]),
  )
}

/** Their names alone, sorted. */
export function injectedNames(reference: AttachmentReference, template: AttachTemplate): string[] {
  return Object.keys(templates(reference, template)).sort()
}

/** Those of the driver, then those that the person wished for. */
function templates({ alias, env }: AttachmentReference, template: AttachTemplate): Record<string, string> {
  const own = Object.entries(template.env).map(([name, text]) => [name.replaceAll('{AS}', alias), text])
  return { ...Object.fromEntries(own), ...env }
}

const field = new RegExp(`\\{(${placeholders.join('|')})\\}`, 'g')

function filled(text: string, values: Placeholders): string {
  return text.replace(field, (_whole, name: keyof Placeholders) => values[name])
}

/** Says what is wrong with a template that a person typed, or null. */
export function templateProblem(text: string): string | null {
  const unknown = text.replace(field, '').match(/\{[^{}]*\}/)
  if (!unknown) return null
  return `${unknown[0].slice(0, 40)} stands for nothing; there are ${placeholders.map((one) => `{${one}}`).join(' ')}`
}
