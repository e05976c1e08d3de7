/** Reads a driver's `driver.json`, strictly: an unknown field is an error that names it. */
import { z } from 'zod'
import {
  type DeviceClass,
  deviceClasses,
  type Manifest,
  placeholders,
  privileges,
  waysToRun,
} from '../domain/device.ts'

const name = z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'must be lower-case letters, digits and hyphens, at most 30')
const variable = z.string().regex(/^(\{AS\}|[A-Z])[A-Z0-9_]*$/, 'must be a name such as {AS}_URL')
const known = new RegExp(`\\{(?!(?:${placeholders.join('|')})\\})`)
const template = z
  .string()
  .refine((text) => !known.test(text), `may only use ${placeholders.map((one) => `{${one}}`).join(' ')}`)

/**
 * The others are too near to the node for code that is not trusted: a storage driver says which of its directories apps
 * see, a builder has the engine, and what a proxy does stands between every request and its app.
 */
const apart: readonly DeviceClass[] = ['database', 'archive']

const manifest = z
  .strictObject({
    name,
    version: z.string().regex(/^\d+\.\d+\.\d+$/, 'must be three numbers, such as 1.0.0'),
    class: z.enum(deviceClasses),
    contract: z.literal(1),
    runs: z.enum(waysToRun),
    description: z.string().min(1).max(200),
    privileges: z.array(z.enum(privileges)),
    aliases: z.array(name).default([]),
    installs: z.array(z.enum(['container', 'node'])).default([]),
    versions: z.array(z.string().regex(/^\d+(\.\d+)?$/, 'must be versions such as 17 or 10.11')).default([]),
    attach: z
      .strictObject({
        as: z.string().regex(/^[A-Z][A-Z0-9_]{0,29}$/, 'must be a name such as DATABASE'),
        env: z.record(variable, template),
        url: template,
      })
      .nullable()
      .default(null),
    image: z
      .strictObject({
        packages: z.array(z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/, 'must be names of Debian packages')).max(30),
        command: z.array(z.string().min(1).max(300)).min(1).max(30),
      })
      .nullable()
      .default(null),
  })
  .refine(({ runs, privileges }) => runs === 'module' || !privileges.includes('engine'), {
    path: ['privileges'],
    message: 'engine is for drivers that run as a module',
  })
  .refine(({ runs, image }) => (runs === 'container') === (image !== null), {
    path: ['image'],
    message: 'says what a driver runs in that runs as a container, and is for those only',
  })
  .refine(({ runs, class: of }) => runs === 'module' || apart.includes(of), {
    path: ['runs'],
    message: `only drivers of the classes ${apart.join(' and ')} run as a container`,
  })

export function parseManifest(text: string): { manifest: Manifest } | { problem: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { problem: 'is not JSON' }
  }
  const result = manifest.safeParse(value)
  if (result.success) return { manifest: result.data }
  return { problem: result.error.issues.map(sentence).join('; ') }
}

function sentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') return `has the unknown field ${issue.keys.join(', ')}`
  if (issue.code === 'invalid_key') return `${issue.path.join('.')}: ${issue.issues[0]?.message}`
  return `${issue.path.join('.') || 'the file'}: ${issue.message}`
}
